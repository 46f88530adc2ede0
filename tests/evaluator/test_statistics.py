"""Against values from the papers that the formulas come from, or counted by hand."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.agreement import agreement, krippendorff, read_ratings
from evaluator.pairwise import Pair, winner
from evaluator.ratings import Comparison, bradley_terry
from evaluator.rubric import load_rubric
from evaluator.statistics import Interval, bootstrap_mean, holm, paired_difference, sign_test, spearman, wilson
from evaluator.verdict import Verdict
from kullm_tui.core.errors import KullmError


def test_wilsons_interval_is_the_one_of_the_paper_systems() -> None:
    for successes, low, high in ((202, 0.748, 0.846), (190, 0.697, 0.803)):  # .802 and .754 of 252
        found = wilson(successes, 252)
        assert (round(found.low, 3), round(found.high, 3)) == (low, high)
    assert wilson(0, 10).low == 0.0
    assert wilson(10, 10).high == pytest.approx(1.0)
    assert wilson(0, 0) == Interval(0.0, 1.0)


def test_the_bootstrap_of_a_mean_covers_it_about_as_often_as_it_says() -> None:
    draw = random.Random(7)
    covered = 0
    for seed in range(100):
        values = [draw.gauss(3, 1) for _ in range(60)]
        interval = bootstrap_mean(values, resamples=300, seed=seed)
        covered += interval.low <= 3 <= interval.high
    assert 85 <= covered <= 100


def test_a_report_says_the_same_twice() -> None:
    values = [1, 2, 3, 4, 5, 5, 1, 2]
    assert bootstrap_mean(values) == bootstrap_mean(values)


def test_paired_items_show_a_difference_that_lies_between_systems() -> None:
    a = {str(item): float(item % 5) for item in range(200)}
    better = {item: value + (int(item) % 4 == 0) for item, value in a.items()}
    found = paired_difference(better, a)
    assert found is not None
    assert found.mean == pytest.approx(0.25)
    assert found.interval.low > 0
    assert found.p < 0.01
    same = paired_difference(a, {item: a[str((int(item) + 1) % 200)] for item in a})
    assert same is not None
    assert same.p > 0.05
    assert paired_difference(a, {"other": 1.0}) is None


def test_only_items_that_both_have_are_compared() -> None:
    found = paired_difference({"a": 3.0, "b": 1.0}, {"a": 1.0, "c": 5.0})
    assert found is not None
    assert (found.items, found.mean) == (1, 2.0)


def test_holm_holds_each_of_many_comparisons_to_what_chance_would_find_among_them() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_rank_correlation_with_ties() -> None:
    assert spearman([1, 2, 3, 4], [2, 4, 6, 9]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(3 / math.sqrt(10))
    assert spearman([1, 1], [1, 2]) is None


def test_krippendorffs_alpha_is_that_of_his_own_example() -> None:
    # Krippendorff (2011), section C: four observers, twelve units, missing data; nominal .743, ordinal .815, interval .849
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = [[float(value) for value in unit if value is not None] for unit in zip(*observers, strict=True)]
    for level, alpha in (("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)):
        assert krippendorff(units, level) == pytest.approx(alpha, abs=0.0006)  # type: ignore[arg-type]
    assert krippendorff([[1.0], [2.0]]) is None
    assert krippendorff([[2.0, 2.0], [2.0, 2.0]]) == 1.0


def test_peoples_ratings_outside_their_range_are_refused() -> None:
    rubric = load_rubric("kullm-2023-ko")
    good = '{"id": "q1", "model": "m", "rater": "a", "scores": {"전반적인 품질": 4}}'
    other = good.replace('"a"', '"b"')
    given = {"전반적인 품질": 4}
    assert read_ratings([good, other], rubric) == {("m", "q1"): {"a": given, "b": given}}
    for bad in ("아님", "{}", good.replace("4", "6"), good.replace("4", "true"), good.replace("4", '"4"')):
        with pytest.raises(KullmError, match="1"):
            read_ratings([bad], rubric)
    with pytest.raises(KullmError, match="품질점수"):
        read_ratings([good.replace("전반적인 품질", "품질점수")], rubric)
    with pytest.raises(KullmError, match="a rates this answer twice|a의 점수가 이 답에 두 번"):
        read_ratings([good, good], rubric)


def test_many_raters_who_agree_do_not_hide_a_judge_who_does_not() -> None:
    items = [("m", f"q{number}") for number in range(5)]
    verdicts = {place: {"품질": 5 - number} for number, place in enumerate(items)}
    alone = {place: {"가": {"품질": number + 1}} for number, place in enumerate(items)}
    many = {place: {str(rater): {"품질": number + 1} for rater in range(8)} for number, place in enumerate(items)}
    one, eight = agreement("품질", verdicts, alone), agreement("품질", verdicts, many)
    assert one.with_judge is not None
    assert one.with_judge < -0.5
    assert eight.with_judge == pytest.approx(one.with_judge)
    assert (eight.people, eight.items, eight.raters) == (1.0, 5, 8)
    assert one.people is None


@pytest.mark.parametrize(
    ("differences", "p"),
    [([4], 1.0), ([1, 1], 0.5), ([1, 2, 1], 0.25), ([0, 1, 1, 4, 0], 0.25), ([1] * 6, 2 / 64), ([0, 0], 1.0)],
)
def test_p_of_few_items_is_exact(differences: list[float], p: float) -> None:
    a = {str(place): one for place, one in enumerate(differences)}
    found = paired_difference({key: float(value) for key, value in a.items()}, dict.fromkeys(a, 0.0))
    assert found is not None
    assert found.p == pytest.approx(p)


def test_drawn_flips_say_much_what_all_flips_say() -> None:
    draw = random.Random(5)
    for _ in range(5):
        gains = [draw.choice([-1.0, 0.0, 1.0, 1.0]) for _ in range(25)]
        exact, drawn = sign_test(gains), sign_test([*gains, 0.0])
        assert drawn.p == pytest.approx(exact.p, abs=0.02)
        assert drawn.interval.low == pytest.approx(exact.interval.low, abs=0.1)
        assert drawn.interval.high == pytest.approx(exact.interval.high, abs=0.1)


@given(st.lists(st.sampled_from([-2.0, -1.0, -1 / 3, 0.0, 1 / 3, 0.5, 1.0, 4.0]), min_size=1, max_size=60))
@settings(max_examples=300, deadline=None)
def test_an_interval_leaves_out_zero_just_where_p_is_below_five_percent(differences: list[float]) -> None:
    found = sign_test(differences)
    assert (found.p < 0.05) == (not found.interval.low <= 0 <= found.interval.high)
    assert found.interval.low <= found.mean + 1e-9
    assert found.interval.high >= found.mean - 1e-9


@pytest.mark.parametrize("shift", [-0.7, 0.0, 0.4])
def test_the_interval_holds_the_shifts_that_the_same_test_does_not_refuse(shift: float) -> None:
    draw = random.Random(11)
    values = [draw.choice([-1.0, 0.0, 1.0, 2.0]) for _ in range(20)]
    found = sign_test(values)
    inside = found.interval.low <= shift <= found.interval.high
    assert inside == (sign_test([one - shift for one in values]).p >= 0.05)


def test_the_interval_of_a_difference_covers_it_about_as_often_as_it_says() -> None:
    draw = random.Random(17)
    covered = 0
    for _ in range(200):
        values = [draw.choice([-1.0, 0.0, 0.0, 1.0, 2.0]) for _ in range(40)]  # 0.4 on average
        found = sign_test(values)
        covered += found.interval.low <= 0.4 <= found.interval.high
    assert 180 <= covered <= 200


def test_five_items_say_nothing_and_their_interval_is_the_whole_scale() -> None:
    a = {str(item): 5.0 for item in range(5)}
    found = paired_difference(a, dict.fromkeys(a, 1.0), furthest=4)
    assert found is not None
    assert (found.p, found.interval) == (2 / 32, Interval(-4, 4))


def test_bradley_terry_finds_the_strengths_that_made_the_games() -> None:
    strength = {"가": 4.0, "나": 2.0, "다": 1.0}
    draw = random.Random(3)
    games = []
    for _ in range(900):
        left, right = draw.sample(sorted(strength), 2)
        won = draw.random() < strength[left] / (strength[left] + strength[right])
        games.append(Comparison(left, right, "left" if won else "right"))
    ratings = bradley_terry(games, resamples=60)
    assert [rating.name for rating in ratings] == ["가", "나", "다"]
    elo = {rating.name: rating.elo for rating in ratings}
    assert elo["가"] - elo["다"] == pytest.approx(400 * math.log10(4), abs=40)
    assert all(rating.interval.low < rating.elo < rating.interval.high for rating in ratings)


def test_ties_and_clean_sweeps_have_finite_strengths() -> None:
    ties = bradley_terry([Comparison("a", "b", "tie")] * 10, resamples=20)
    assert [round(rating.elo) for rating in ties] == [1000, 1000]
    sweep = bradley_terry([Comparison("a", "b", "left")] * 10, resamples=20)
    assert sweep[0].name == "a"
    assert sweep[0].elo < 2500
    assert bradley_terry([]) == []


@pytest.mark.parametrize(
    ("choices", "outcome"),
    [((1, 3), "left"), ((3, 1), "right"), ((1, 1), "tie"), ((3, 3), "tie"), ((2, 2), "tie"), ((1, 2), "tie")],
)
def test_a_pair_is_won_only_in_both_orders(choices: tuple[int, int], outcome: str) -> None:
    straight, swapped = (Verdict("x", "ok", {"선택": choice}) for choice in choices)
    assert winner(straight, swapped) == outcome
    assert winner(straight, Verdict("x", "unparsed")) == "unscored"


def test_a_pair_asks_both_orders() -> None:
    straight, swapped = Pair("q", "지시", "", "왼쪽", "오른쪽").items
    assert straight.response.index("왼쪽") < straight.response.index("오른쪽")
    assert swapped.response.index("오른쪽") < swapped.response.index("왼쪽")


def test_what_one_vote_made_counts_as_one_judgement() -> None:
    pairs = [("a", "b"), ("a", "c"), ("a", "d")]
    votes = [("left" if number % 3 else "right", number) for number in range(12)]
    apart = [Comparison(left, right, outcome) for outcome, _ in votes for left, right in pairs]  # type: ignore[arg-type]
    made = [Comparison(left, right, outcome, vote) for outcome, vote in votes for left, right in pairs]  # type: ignore[arg-type]
    [narrow], [wide] = ([one for one in bradley_terry(games) if one.name == "a"] for games in (apart, made))
    assert narrow.elo == pytest.approx(wide.elo)
    assert wide.interval.high - wide.interval.low > 1.2 * (narrow.interval.high - narrow.interval.low)
