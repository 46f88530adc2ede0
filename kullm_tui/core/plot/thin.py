"""A curve of any length as a few of its own points: what is thinned is drawn like the whole.

Of every stretch the lowest and the highest point stay, in their order, and one that is no number where there is one: spikes and gaps survive
whatever is left out, and each point that is left was measured.
"""

from collections.abc import Sequence
from itertools import compress
from math import ceil, isfinite


def thinned(ys: Sequence[float], most: int) -> list[int]:
    """The places that stay: the first and the last among them, in all about as many as `most`."""
    return Thinner(most).places(ys)


class Thinner:
    """The same of a curve that grows: what a whole stretch told is asked once, until stretches must be longer."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._stretch = self._end = 0  # of the stretches that are whole
        self._found: list[int] = []

    def places(self, ys: Sequence[float]) -> list[int]:
        """Of what was given before and, behind it, what has come since."""
        if len(ys) <= self._most:
            return list(range(len(ys)))
        stretch = ceil(2 * len(ys) / self._most)
        if stretch != self._stretch:
            self._stretch, self._end, self._found = stretch, 0, [0]
        end = len(ys) - len(ys) % stretch
        for start in range(self._end, end, stretch):
            self._found += _telling(ys, start, start + stretch)
        self._end = end
        return list(dict.fromkeys([*self._found, *_telling(ys, end, len(ys)), len(ys) - 1]))


def _telling(ys: Sequence[float], start: int, end: int) -> list[int]:
    part = ys[start:end]
    if not part:
        return []
    if isfinite(sum(part)):  # nearly always, and as fast as it gets
        return [start + place for place in sorted({part.index(min(part)), part.index(max(part))})]
    finite = [isfinite(y) for y in part]
    found = {finite.index(False)} if False in finite else set()
    if True in finite:
        numbers = list(compress(part, finite))
        found |= {part.index(min(numbers)), part.index(max(numbers))}
    return [start + place for place in sorted(found)]
