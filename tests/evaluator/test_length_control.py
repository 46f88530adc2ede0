"""The logistic model against data whose truth is known, and against real verdicts."""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluator.length_control import controlled_rate, fit, length_terms


def simulated(theta: float, phi: float, count: int, seed: int) -> tuple[list[float], list[int]]:
    draw = random.Random(seed)
    lengths = [round(draw.gauss(150, 300)) for _ in range(count)]
    chances = [1 / (1 + math.exp(-(theta + phi * term))) for term in length_terms(lengths)]
    return [float(draw.random() < chance) for chance in chances], lengths


def test_the_model_finds_the_ability_and_the_pull_of_length_that_made_the_outcomes() -> None:
    outcomes, lengths = simulated(0.8, 1.5, 6000, seed=1)
    theta, phi = fit(length_terms(lengths), outcomes)
    assert theta == pytest.approx(0.8, abs=0.12)
    assert phi == pytest.approx(1.5, abs=0.2)


def test_at_its_end_both_derivatives_of_the_likelihood_are_zero() -> None:
    outcomes, lengths = simulated(-0.4, 0.9, 300, seed=2)
    outcomes[:40] = [0.5] * 40
    terms = length_terms(lengths)
    theta, phi = fit(terms, outcomes)
    seen = [*zip(terms, outcomes, [1.0] * 300, strict=True), (-1.0, 0.5, 0.5), (1.0, 0.5, 0.5)]
    residues = [(term, times * (won - 1 / (1 + math.exp(-theta - phi * term)))) for term, won, times in seen]
    assert sum(one for _, one in residues) == pytest.approx(0, abs=1e-6)
    assert sum(term * one for term, one in residues) == pytest.approx(0, abs=1e-6)


def test_who_wins_only_by_being_longer_is_no_better_at_equal_length() -> None:
    outcomes, lengths = simulated(0.0, 3.0, 400, seed=3)
    assert sum(outcomes) / 400 > 0.6
    rate, interval = controlled_rate(outcomes, lengths)
    assert interval.low < 0.5 < interval.high
    assert rate == pytest.approx(0.5, abs=0.08)


def test_its_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth, covered = 1 / (1 + math.exp(-0.5)), 0
    for seed in range(40):
        interval = controlled_rate(*simulated(0.5, 1.0, 120, seed), resamples=100)[1]
        covered += interval.low <= truth <= interval.high
    assert 33 <= covered <= 40


@pytest.mark.parametrize("outcomes", [[1.0] * 30, [0.0] * 30, [0.5] * 30])
def test_one_side_always_winning_and_equal_lengths_have_finite_answers(outcomes: list[float]) -> None:
    for lengths in ([0] * 30, list(range(30)), [10**6, *[0] * 29]):
        rate, interval = controlled_rate(outcomes, lengths, resamples=20)
        assert 0 < interval.low <= interval.high < 1
        assert abs(rate - outcomes[0]) < 0.1 or lengths != [0] * 30


def test_outcomes_that_length_alone_decides_are_fitted() -> None:
    lengths = [-100, -50, -10, 10, 50, 100] * 5
    rate, _ = controlled_rate([float(one > 0) for one in lengths], lengths, resamples=20)
    assert rate == pytest.approx(0.5, abs=0.01)


@pytest.mark.shared_data
def test_real_verdicts_on_a_system_that_writes_less_are_milder_at_equal_length(
    shared_file: Callable[[str], Path],
) -> None:
    rows = json.loads(
        shared_file("judge_logs/alpaca_eval_vicuna7b15_gpt4turbo_logprobs.json").read_text(encoding="utf-8")
    )
    outcomes = [row["preference"] - 1 for row in rows]
    lengths = [len(row["output_2"]) - len(row["output_1"]) for row in rows]
    rate, interval = controlled_rate(outcomes, lengths, resamples=60)
    plain = sum(outcomes) / len(outcomes)
    assert plain == pytest.approx(0.048, abs=0.001)
    assert plain < interval.low < rate < interval.high < 0.25
