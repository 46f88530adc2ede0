"""Means with their uncertainty, and whether two systems differ. Seeded, so that a report says the same twice."""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
_SEED = 20231020
_RESAMPLES = 2000
_FEW = 25  # items, up to which p is exact


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The mean of A less that of B over the items that both have."""

    mean: float
    interval: Interval
    p: float  # two-sided; from the bootstrap, and exact for few items
    items: int
    p_among_all: float | None = None  # the same, corrected for the other comparisons of its table


def wilson(successes: int, trials: int, z: float = Z95) -> Interval:
    """Wilson's score interval for a share (Wilson 1927)."""
    if not trials:
        return Interval(0.0, 1.0)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return Interval(max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def bootstrap_mean(values: Sequence[float], *, resamples: int = _RESAMPLES, seed: int = _SEED) -> Interval:
    """The 95 % percentile interval of the mean."""
    means = _resampled_means(values, resamples, seed)
    return percentiles(means)


def paired_difference(
    a: Mapping[str, float], b: Mapping[str, float], *, resamples: int = _RESAMPLES, seed: int = _SEED
) -> Difference | None:
    """Item by item, since two systems find the same questions hard; None where they share none."""
    shared = sorted(a.keys() & b.keys())
    if not shared:
        return None
    differences = [a[item] - b[item] for item in shared]
    mean = sum(differences) / len(differences)
    means = _resampled_means(differences, resamples, seed)
    # As far to the other side of zero as the null hypothesis allows (Efron & Tibshirani 1993, 16.4): shifted to mean zero.
    as_far = sum(abs(one - mean) >= abs(mean) - 1e-12 for one in means)
    p = (as_far + 1) / (resamples + 1) if len(shared) > _FEW else _sign_flips(differences)
    return Difference(mean, percentiles(means), p, len(shared))


def _sign_flips(differences: Sequence[float]) -> float:
    """Exact: of all signs that the differences might have had by chance, how many bring a sum as far from zero (Fisher 1935).

    Resampling so few items shows too little spread: of a single one, none.
    """
    sums = Counter({0.0: 1})
    for one in differences:
        flipped: Counter[float] = Counter()
        for total, times in sums.items():
            flipped[total + one] += times
            flipped[total - one] += times
        sums = flipped
    least = abs(sum(differences)) - 1e-9
    return sum(times for total, times in sums.items() if abs(total) >= least) / sum(sums.values())


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
