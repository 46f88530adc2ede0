"""What a reply is likely to say next, guessed from what stands in its conversation already.

A summary, a correction or a changed piece of code repeats what it was given. Where the last tokens have stood before, the ones that
followed them there are guessed, and a single forward computes the guess and the token behind it, for little more than one token costs.
Whatever is chosen from the forward's own numbers counts, so a guess may be wrong and a reply is not.
"""

import math
from collections.abc import Sequence

_SIZE = 3  # tokens that must have stood before
_SHORTEST, _LONGEST = 3, 7  # guesses; the longer ones where all of the last one came
_REST = 16  # steps without a guess after guessing did not pay
_NEWEST = 0.3  # weight of the newest step


class Lookup:
    """Of one reply, whose `tokens` grow."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.guessed = self.kept = 0
        self._tokens = tokens
        self._followed: dict[tuple[int, ...], int] = {}  # some tokens → the place behind where they stood last
        self._known = _SIZE
        self._length = _SHORTEST
        self._gain = float(_SHORTEST)  # tokens that a guessed step brings
        self._resting = 0

    def guess(self, most: int, cost: float) -> Sequence[int]:
        """At most `most` tokens. `cost`: of a guessed step, in plain ones."""
        self._remember()
        if self._resting:
            self._resting -= 1
            return ()
        place = self._followed.get(tuple(self._tokens[-_SIZE:]))
        if place is None:
            return ()
        if self._gain < cost:
            self._gain, self._resting = math.inf, _REST  # then one more try decides
            return ()
        followed = self._tokens[place:]  # and themselves, where a reply goes round in a circle
        return [followed[at % len(followed)] for at in range(min(most, self._length))]

    def came(self, guessed: int, kept: int) -> None:
        self.guessed += guessed
        self.kept += kept
        self._length = min(_LONGEST, 2 * guessed + 1) if kept == guessed else _SHORTEST
        brought = kept + 1
        self._gain = brought if self._gain == math.inf else self._gain + _NEWEST * (brought - self._gain)

    def _remember(self) -> None:
        for place in range(self._known, len(self._tokens)):
            self._followed[tuple(self._tokens[place - _SIZE : place])] = place
        self._known = max(self._known, len(self._tokens))
