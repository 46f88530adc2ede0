"""A curve of any length as a few of its own points: what is thinned is drawn like the whole.

Of every stretch the lowest and the highest point stay, in their order, and one that is no number where there is one: spikes and gaps survive
whatever is left out, and each point that is left was measured.
"""

from collections.abc import Sequence
from itertools import compress
from math import ceil, isfinite


def thinned(ys: Sequence[float], most: int) -> list[int]:
    """The places that stay: the first and the last among them, in all about as many as `most`."""
    if len(ys) <= most:
        return list(range(len(ys)))
    stretch = ceil(2 * len(ys) / most)
    found: list[int] = [0]
    for start in range(0, len(ys), stretch):
        found += [start + place for place in _telling(ys[start : start + stretch])]
    found.append(len(ys) - 1)
    return list(dict.fromkeys(found))


def _telling(part: Sequence[float]) -> list[int]:
    if isfinite(sum(part)):  # nearly always, and as fast as it gets
        return sorted({part.index(min(part)), part.index(max(part))})
    finite = [isfinite(y) for y in part]
    found = {finite.index(False)} if False in finite else set()
    if True in finite:
        numbers = list(compress(part, finite))
        found |= {part.index(min(numbers)), part.index(max(numbers))}
    return sorted(found)
