"""A curve of which the points worth drawing stay known while it grows."""

import math
import random
from array import array

from kullm_tui.core.plot.thin import Thinner, thinned
from trainer.jobs.column import Column

NAN = float("nan")


def test_what_is_thinned_keeps_its_ends_its_extremes_and_its_gaps() -> None:
    dice = random.Random(3)
    for _ in range(200):
        ys = [dice.choice([dice.gauss(0, 1), dice.gauss(0, 1), NAN, math.inf]) for _ in range(dice.randrange(1, 400))]
        stay = thinned(ys, 40)
        assert stay == sorted(set(stay))
        assert {0, len(ys) - 1} <= set(stay)
        finite = [y for y in ys if math.isfinite(y)]
        if finite:
            kept = [ys[place] for place in stay if math.isfinite(ys[place])]
            assert (min(kept), max(kept)) == (min(finite), max(finite))
        assert any(not math.isfinite(ys[place]) for place in stay) == (len(finite) < len(ys))


def test_a_curve_that_grows_is_thinned_like_one_that_was_whole() -> None:
    dice = random.Random(4)
    for _ in range(50):
        ys = [dice.choice([dice.gauss(0, 1), dice.gauss(0, 1), NAN]) for _ in range(400)]
        thinner, length = Thinner(40), 0
        while length < len(ys):
            length = min(len(ys), length + dice.randrange(40))
            assert thinner.places(ys[:length]) == thinned(ys[:length], 40)


def test_a_column_s_points_are_those_of_its_numbers_however_it_came_to_them() -> None:
    dice = random.Random(5)
    column, steps, values = Column(most=1000), array("q"), array("d")
    for turn in range(300):
        begin = steps[-1] + 1 if steps else 0
        more = array("q", range(begin, begin + dice.randrange(1, 9)))
        numbers = array("d", [dice.gauss(0, 1) for _ in more])
        if turn % 7 == 6:
            at = dice.choice(steps[-20:])
            column.give_up(at)
            steps, values = steps[: steps.index(at)], values[: steps.index(at)]
        elif turn % 2:
            column.extend(more, numbers)
        else:
            column.extend_later(more, b",".join(repr(y).encode() for y in numbers))
        if turn % 7 != 6:
            steps, values = steps + more, values + numbers
        for span in ((0, begin + 99), (50, begin + 99), (50, 90), (begin - 30, begin)):
            seen = [(step, y) for step, y in zip(steps, values, strict=True) if span[0] <= step <= span[1]]
            assert column.points(20, span) == [seen[at] for at in thinned([y for _, y in seen], 20)]
