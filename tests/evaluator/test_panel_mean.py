"""The panel's formula against tables, values counted by hand, and simulations whose components of variance are known."""

import math
import random
from statistics import variance

import pytest

from evaluator.panel_mean import Cells, own_deviation, panel_mean, spread_of
from evaluator.statistics import Interval
from evaluator.student import quantile95, two_sided

TRUTH = 3.0
TRIALS = 400
# Of 400 intervals that hold the truth 95 % of the time, fewer than 366 do so once in a thousand times, more than 393 as seldom.
FEWEST, MOST = 366, 393


def simulated(seed: int, *, judges: int, severity: float, items: int = 40) -> list[Cells]:
    """Items of deviation 0.8, judges of this one, 0.4 left, and the mean of two askings of 0.3 each."""
    draw = random.Random(seed).gauss
    tables: list[Cells] = []
    for _ in range(TRIALS):
        of_judges = [draw(0, severity) for _ in range(judges)]
        rows: list[list[float]] = []
        for _ in range(items):
            item = TRUTH + draw(0, 0.8)
            rows.append([item + one + draw(0, 0.4) + draw(0, 0.3 / math.sqrt(2)) for one in of_judges])
        tables.append(rows)
    return tables


def covered(tables: list[Cells]) -> int:
    spans = [panel_mean(cells).interval for cells in tables]
    return sum(span.low <= TRUTH <= span.high for span in spans if span)


@pytest.mark.parametrize(
    ("freedom", "value"), [(1, 12.706), (2, 4.303), (4, 2.776), (10, 2.228), (30, 2.042), (1e7, 1.960)]
)
def test_students_quantile_is_that_of_the_tables(freedom: float, value: float) -> None:
    assert round(quantile95(freedom), 3) == value
    assert two_sided(quantile95(freedom), freedom) == pytest.approx(0.05)


def test_students_chance_is_the_closed_form_for_one_and_two_degrees() -> None:
    for t in (0.0, 0.3, 1.0, 5.0, 40.0):
        assert two_sided(t, 1) == pytest.approx(1 - 2 * math.atan(t) / math.pi)
        assert two_sided(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t))


@pytest.mark.parametrize(("judges", "severity"), [(1, 0.0), (2, 0.0), (3, 0.1), (5, 0.3), (8, 0.6)])
def test_ninety_five_percent_of_the_intervals_hold_the_truth(judges: int, severity: float) -> None:
    assert FEWEST <= covered(simulated(20231020, judges=judges, severity=severity)) <= MOST


def test_one_severe_judge_is_not_in_the_interval_and_several_are() -> None:
    """What the formula for one judge does not hold."""
    assert covered(simulated(7, judges=1, severity=0.5)) < TRIALS / 2
    assert covered(simulated(7, judges=6, severity=0.5)) >= FEWEST


def test_the_estimated_variance_of_the_mean_is_the_true_one_on_the_average() -> None:
    tables = simulated(11, judges=4, severity=0.3)
    true = 0.8**2 / 40 + 0.3**2 / 4 + (0.4**2 + 0.3**2 / 2) / 160
    spreads = [one for one in map(spread_of, tables) if one]
    assert sum(one.of_the_mean for one in spreads) / TRIALS == pytest.approx(true, rel=0.1)
    assert sum(one.between_judges for one in spreads) / TRIALS == pytest.approx(0.3**2, rel=0.15)
    means = [panel_mean(cells).mean for cells in tables]
    assert variance(means) == pytest.approx(true, rel=0.2)


def test_the_mean_squares_are_those_counted_by_hand() -> None:
    spread = spread_of([[1, 2], [3, 3], [2, 4]])  # means: rows 1.5 3 3, columns 2 3, all 2.5
    assert spread is not None
    assert (spread.items, spread.judges, spread.rest) == pytest.approx((1.5, 1.5, 0.5))
    found = panel_mean([[1, 2], [3, 3], [2, 4]])
    assert spread.of_the_mean == pytest.approx(2.5 / 6)
    assert found.freedom == pytest.approx(2.5**2 / (1.5**2 / 2 + 1.5**2 / 1 + 0.5**2 / 2))


def test_one_judge_leaves_the_variance_of_the_items() -> None:
    values = [1.0, 2.0, 4.0, 5.0]
    found = panel_mean([[one] for one in values])
    assert found.interval is not None
    half = quantile95(3) * math.sqrt(variance(values) / 4)
    assert (found.freedom, found.interval.high) == pytest.approx((3, 3 + half))


@pytest.mark.parametrize("cells", [[[4.0, 3.0]], [[4.0]], [[2.0, 2.0]] * 5, [[1.0]] * 5])
def test_where_nothing_tells_how_sure_a_mean_is_there_is_no_interval(cells: Cells) -> None:
    found = panel_mean(cells)
    assert (found.interval, found.p, found.items) == (None, None, len(cells))


def test_a_component_below_nothing_makes_no_mean_surer_than_its_items() -> None:
    crossed = [[1.0, 3.0], [3.0, 1.0], [2.0, 2.1]]
    spread = spread_of(crossed)
    assert spread is not None
    assert spread.items + spread.judges < spread.rest
    assert spread.between_judges == 0
    assert spread.of_the_mean == max(spread.items, spread.judges) / 6


def test_no_interval_goes_beyond_the_scale() -> None:
    found = panel_mean([[5.0], [5.0], [4.0]], within=Interval(1, 5))
    assert found.interval is not None
    assert found.interval.high == 5


def test_a_judges_own_deviation_counts_only_what_it_was_asked_again() -> None:
    assert own_deviation([[3.0], [4.0]]) is None
    assert own_deviation([[3.0, 5.0], [4.0], [2.0, 2.0]]) == pytest.approx(1.0)  # (1 + 1 + 0 + 0) / 2
