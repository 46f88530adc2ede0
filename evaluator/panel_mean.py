"""A mean over items and judges, both drawn from more of their kind, and how sure it is.

    y(i, j) = mean + item i + judge j + what is left        each y the mean of that judge's repeats on that item

The two-way layout with random rows and columns, one value a cell (Searle, Casella & McCulloch 1992, chapter 4). With n items and
J judges the mean squares of items, judges and the rest have the expectations Jσ²(item) + σ², nσ²(judge) + σ² and σ², so

    V = (MS_items + MS_judges − MS_rest) / (n J)

is the variance of the grand mean without bias. Its degrees of freedom are Satterthwaite's (1946). One judge leaves S²/n: it holds the
spread of the items and of the judge's repeats, and nothing of what another judge would have said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.statistics import Interval
from evaluator.student import quantile95, two_sided

Cells = Sequence[Sequence[float]]  # items × judges, each row of the same length
_NOTHING = 1e-12  # a variance that only rounding has made


@dataclass(frozen=True)
class Spread:
    """Mean squares. Those of judges and the rest are 0 where there is one judge."""

    items: float
    judges: float
    rest: float
    count: int  # of items
    panel: int  # of judges

    @property
    def between_judges(self) -> float:
        """The variance from judge to judge."""
        return max(0.0, (self.judges - self.rest) / self.count)

    @property
    def of_the_mean(self) -> float:
        """A component below 0 counts as 0: it would make the mean surer than the items alone, or the judges alone, allow."""
        widest = max(self.items + self.judges - self.rest, self.items, self.judges)
        return widest / (self.count * self.panel)

    @property
    def freedom(self) -> float:
        parts = [(self.items, self.count - 1)]
        if self.panel > 1:
            parts += [(self.judges, self.panel - 1), (self.rest, (self.count - 1) * (self.panel - 1))]
        return (self.of_the_mean * self.count * self.panel) ** 2 / sum(square**2 / free for square, free in parts)


@dataclass(frozen=True)
class PanelMean:
    mean: float
    items: int
    interval: Interval | None = None  # 95 %; None where one item, or no spread at all, leaves nothing to go by
    p: float | None = None  # two-sided, that the mean is 0: for differences
    freedom: float | None = None


def panel_mean(cells: Cells, *, within: Interval | None = None) -> PanelMean:
    """`within` is what the scale allows: no interval goes beyond. At least one item and one judge."""
    mean = _mean([value for row in cells for value in row])
    spread = spread_of(cells)
    if spread is None or spread.of_the_mean < _NOTHING:
        return PanelMean(mean, len(cells))
    error, freedom = math.sqrt(spread.of_the_mean), spread.freedom
    half = quantile95(freedom) * error
    low, high = mean - half, mean + half
    if within:
        low, high = max(low, within.low), min(high, within.high)
    return PanelMean(mean, len(cells), Interval(low, high), two_sided(mean / error, freedom), freedom)


def spread_of(cells: Cells) -> Spread | None:
    """None for fewer than two items."""
    count, panel = len(cells), len(cells[0]) if cells else 0
    if count < 2:
        return None
    rows, columns = [_mean(row) for row in cells], [_mean(column) for column in zip(*cells, strict=True)]
    mean = _mean(rows)
    items = panel * sum((row - mean) ** 2 for row in rows) / (count - 1)
    if panel == 1:
        return Spread(items, 0.0, 0.0, count, panel)
    judges = count * sum((column - mean) ** 2 for column in columns) / (panel - 1)
    rest = sum(
        (value - row - column + mean) ** 2
        for values, row in zip(cells, rows, strict=True)
        for value, column in zip(values, columns, strict=True)
    )
    return Spread(items, judges, rest / ((count - 1) * (panel - 1)), count, panel)


def own_deviation(repeats: Sequence[Sequence[float]]) -> float | None:
    """A judge's standard deviation from one asking to the next, over the answers that it was asked about more than once."""
    several = [values for values in repeats if len(values) > 1]
    free = sum(len(values) - 1 for values in several)
    if not free:
        return None
    return math.sqrt(sum((value - _mean(values)) ** 2 for values in several for value in values) / free)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
