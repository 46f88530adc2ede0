"""Whether a refusal without a word means a rate, or only that the server is busy: two calls, sent at once after it, tell.

    a rate's bucket is empty      ──  holds no two calls so soon: whoever goes slower is refused no more
    a server that is overloaded   ──  refuses one call in ten whatever the pace: most likely both get in

One such trial proves little, so each moves a balance, and the balance decides. Going slower for a busy moment would never end: the
refusals stay as frequent, and each would make the pace slower still. A server that refuses every other call is not taken for busy,
whatever the trials say: then there is no telling, and slower is better.
"""

import time
from collections import deque

_CALLS = 2  # of a trial
_LEAST, _MOST = -3, 6  # so that a server which changes is found out again
_PATIENCE, _LEAST_PATIENCE_SECONDS = (
    1.5,
    0.05,
)  # times what the refusal took: a refusal comes at once, an answer does not
_LONGEST_PATIENCE_SECONDS = 2.0
_LATEST, _MANY = 30, 0.5  # calls, and the share of them that may be refused


class Overload:
    """One trial at a time: the refused call's next try, and whichever call is next."""

    def __init__(self) -> None:
        self._balance = 0
        self._wanted = 0  # calls that the trial still lacks
        self._calls: set[object] = set()  # sent for it, and neither answered nor refused
        self._patience = self._until = 0.0
        self._refusals: deque[bool] = deque(maxlen=_LATEST)

    @property
    def is_likely(self) -> bool:
        """Refusals say nothing of the pace."""
        return self._balance > 0

    @property
    def is_a_rate(self) -> bool:
        return self._balance < 0

    @property
    def on_trial(self) -> bool:
        return bool(self._wanted or self._calls)

    def wants(self, *, again: bool) -> bool:
        """Whether the next call is of the trial: first one that was refused, then any."""
        return self._wanted == _CALLS and again or 0 < self._wanted < _CALLS

    def is_of_the_trial(self, call: object) -> bool:
        return call in self._calls

    def begin(self, seconds: float) -> None:
        """A call was refused so many seconds after it left."""
        self._patience = min(max(_PATIENCE * seconds, _LEAST_PATIENCE_SECONDS), _LONGEST_PATIENCE_SECONDS)
        self._wanted, self._until = _CALLS, time.monotonic() + _LONGEST_PATIENCE_SECONDS

    def leaves(self, call: object) -> None:
        if call not in self._calls:
            self._calls.add(call)
            self._wanted -= 1
        self._until = time.monotonic() + self._patience

    def rest(self, now: float) -> float:
        """How long it is not known yet; what was not refused by then got in."""
        if self.on_trial and now >= self._until:
            if self._calls:
                self._over(1)
            self._wanted = 0  # whoever was refused did not come back
        return self._until - now if self.on_trial else 0.0

    def got_in(self, call: object) -> None:
        self._refusals.append(False)
        if call in self._calls:
            self._calls.discard(call)
            if not self.on_trial:
                self._over(1)

    def refused(self, call: object) -> bool:
        """Whether the trial ended by it."""
        self._refusals.append(True)
        ends = call in self._calls
        if ends:
            self._over(-1)
        if len(self._refusals) == _LATEST and sum(self._refusals) >= _MANY * _LATEST:
            self._balance = _LEAST
            self._refusals.clear()
        return ends

    def _over(self, step: int) -> None:
        self._wanted = 0
        self._calls.clear()
        self._balance = max(_LEAST, min(self._balance + step, _MOST))
