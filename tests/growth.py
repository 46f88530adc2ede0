"""How the work of a function grows with what it is given: a question that a slow or busy machine answers like a fast one."""

import time
from collections.abc import Callable

_TIMES = 8
_ROUNDS = 3


def growth(work: Callable[[int], object], size: int) -> float:
    """How many times as much processor time, of this thread alone, eight times the size takes per unit: 1 is linear, 8 quadratic.

    The best of some rounds on either side, in turns, so that what slows the machine down meanwhile slows down both.
    """
    small = large = float("inf")
    for _ in range(_ROUNDS):
        small = min(small, _processor_seconds(work, size))
        large = min(large, _processor_seconds(work, size * _TIMES))
    return large / small / _TIMES


def _processor_seconds(work: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
