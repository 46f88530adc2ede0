"""What clients may put upon the engine at the same time, by client and in all; what is beyond that is asked to come again.

Bodies and answers lie in memory from their first byte to their last. How large one may be is bounded where it is read; how many
of them there are at once is bounded here.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from kullm_tui.engine.wire_errors import too_busy

_SMALL = 64  # so small a part of what one client may carry is taken in even where others have filled everything


class Burden:
    """Not for several threads at once."""

    def __init__(self, *, of_one: int, of_all: int) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._carried: Counter[str] = Counter()

    @contextmanager
    def share(self, owner: str) -> Iterator["Share"]:
        share = Share(self, owner)
        try:
            yield share
        finally:
            self._carried -= Counter({owner: share.carried})

    def add(self, owner: str, amount: int) -> None:
        mine = self._carried[owner] + amount
        fits = self._carried.total() + amount <= self._of_all or mine * _SMALL <= self._of_one
        if mine > self._of_one or not fits:
            raise too_busy()
        self._carried[owner] = mine


class Share:
    """What one request carries until it is answered."""

    def __init__(self, burden: Burden, owner: str) -> None:
        self._burden = burden
        self._owner = owner
        self.carried = 0

    def add(self, amount: int) -> None:
        self._burden.add(self._owner, amount)
        self.carried += amount
