"""Means with their uncertainty, and whether two systems differ. Seeded, so that a report says the same twice."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
_SEED = 20231020
_RESAMPLES = 2000
_FLIPS = 9999
_FEW = 25  # items, up to which every way to flip their signs is counted
_LEVEL = 0.05
_DIGITS = 9  # thirds and tenths that cancel out shall be 0, not 1e-17

# One way to flip the signs: the means of the two parts that it makes, and how often it comes.
Split = tuple[float, float, int]


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The mean of A less that of B over the items that both have. Its interval leaves out 0 just where p is below .05."""

    mean: float
    interval: Interval  # 95 %
    p: float  # two-sided
    items: int
    p_among_all: float | None = None  # the same, corrected for the other comparisons of its table


def wilson(successes: float, trials: int) -> Interval:
    """Wilson's score interval for a share (Wilson 1927). Half a success, the mean of several tries, only makes it wider than need be."""
    if not trials:
        return Interval(0.0, 1.0)
    share, z = successes / trials, Z95
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return Interval(max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def bootstrap_mean(values: Sequence[float], *, resamples: int = _RESAMPLES, seed: int = _SEED) -> Interval:
    """The 95 % percentile interval of the mean."""
    means = _resampled_means(values, resamples, seed)
    return percentiles(means)


def paired_difference(
    a: Mapping[str, float], b: Mapping[str, float], *, furthest: float = math.inf
) -> Difference | None:
    """Item by item, since two systems find the same questions hard; None where they share none."""
    shared = sorted(a.keys() & b.keys())
    return sign_test([a[item] - b[item] for item in shared], furthest=furthest) if shared else None


def sign_test(values: Sequence[float], *, furthest: float = math.inf) -> Difference:
    """Whether the mean of paired differences is 0, and which means the same test would not refuse.

    If A and B were alike, each difference might as well have had the other sign (Fisher 1935). p is the share of all flips that
    bring the sum as far from 0 as it is; counted whole for few items, drawn for many. The interval holds every shift θ for which
    the test of d − θ gives p ≥ .05. Flipping a part of the items brings Σ(d − θ) as far from 0 as it was just where θ lies between
    the mean of that part and the mean of the rest, so both follow from the same pairs of means and never contradict each other.
    Under six items no p is below .05, and the interval is all that the scale allows: `furthest` to either side.
    """
    splits = list(_all_splits(values) if len(values) <= _FEW else _drawn_splits(values))
    flips = sum(times for _, _, times in splits)
    p = sum(times for low, high, times in splits if low <= 0 <= high) / flips
    least = _LEVEL * flips
    low = _reached(sorted((low, times) for low, _, times in splits), least)
    high = -_reached(sorted((-high, times) for _, high, times in splits), least)
    interval = Interval(max(low, -furthest), min(high, furthest))
    return Difference(sum(values) / len(values), interval, p, len(values))


def _reached(ordered: Iterable[tuple[float, int]], least: float) -> float:
    """The first value up to which so many lie."""
    so_far = 0
    for value, times in ordered:
        so_far += times
        if so_far >= least:
            return value
    return math.inf


def _all_splits(values: Sequence[float]) -> Iterable[Split]:
    parts = Counter({(0.0, 0): 1})  # by the sum of what was flipped, and how much that was
    for value, items in Counter(values).items():
        more: Counter[tuple[float, int]] = Counter()
        for (total, flipped), times in parts.items():
            for some in range(items + 1):
                more[round(total + value * some, _DIGITS), flipped + some] += times * math.comb(items, some)
        parts = more
    whole, items = sum(values), len(values)
    return (_split(whole, items, total, flipped, times) for (total, flipped), times in parts.items())


def _drawn_splits(values: Sequence[float]) -> Iterable[Split]:
    """Of equal values it matters only how many are flipped: as many as coins fall on one side."""
    bits = random.Random(_SEED).getrandbits
    counts = list(Counter(values).items())
    whole, items = sum(values), len(values)
    yield _split(whole, items, 0.0, 0, 1)  # as it is: so that p is never 0
    for _ in range(_FLIPS):
        some = [(value, bits(count).bit_count()) for value, count in counts]
        total = sum(value * flipped for value, flipped in some)
        yield _split(whole, items, total, sum(flipped for _, flipped in some), 1)


def _split(whole: float, items: int, total: float, flipped: int, times: int) -> Split:
    rest = items - flipped
    if not flipped or not rest:
        return -math.inf, math.inf, times
    one, other = round(total / flipped, _DIGITS), round((whole - total) / rest, _DIGITS)
    return min(one, other), max(one, other), times


def holm(probabilities: Sequence[float]) -> list[float]:
    """Each p as it counts among all of them (Holm 1979): with fifteen pairs of systems some differ by chance."""
    adjusted = [0.0] * len(probabilities)
    least = 0.0
    for place, which in enumerate(sorted(range(len(probabilities)), key=probabilities.__getitem__)):
        least = max(least, min(1.0, probabilities[which] * (len(probabilities) - place)))
        adjusted[which] = least
    return adjusted


def percentiles(ordered: Sequence[float]) -> Interval:
    """The middle 95 % of values in order."""
    last = len(ordered) - 1
    return Interval(ordered[round(0.025 * last)], ordered[round(0.975 * last)])


def spearman(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Rank correlation; None where one side does not vary."""
    return _pearson(_ranks(x), _ranks(y))


def _resampled_means(values: Sequence[float], resamples: int, seed: int) -> list[float]:
    draw = random.Random(seed).choices
    count = len(values)
    return sorted(sum(draw(values, k=count)) / count for _ in range(resamples))


def _ranks(values: Sequence[float]) -> list[float]:
    """From 1; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in range(start, end + 1):
            ranks[order[place]] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def _pearson(x: Sequence[float], y: Sequence[float]) -> float | None:
    if len(x) < 2:
        return None
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread_x = math.sqrt(sum((one - mean_x) ** 2 for one in x))
    spread_y = math.sqrt(sum((one - mean_y) ** 2 for one in y))
    if not spread_x or not spread_y:
        return None
    together = sum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True))
    return together / (spread_x * spread_y)
