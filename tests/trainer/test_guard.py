"""Steps that must not be taken, and memory that runs out."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kullm_tui.core.errors import TooLarge
from tests.trainer.examples import a_recipe, a_run, largest_difference, made_up_rows, tiny_base, trained_weights
from trainer.dataset.batch import MicroBatch
from trainer.guard import Diverged, Guard
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.run import TrainingRun


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("guard") / "base")


class Troubled:
    """The real forward, with the trouble of some of its calls."""

    def __init__(
        self, run: TrainingRun, *, bad: range = range(0), loss: float = math.nan, most_tokens: int = 10**9
    ) -> None:
        self.real, self.bad, self.loss, self.most_tokens = run.forward, bad, loss, most_tokens
        self.calls, self.sizes = 0, list[int]()

    def __call__(self, batch: MicroBatch) -> torch.Tensor:
        if batch.tokens > self.most_tokens:
            raise torch.OutOfMemoryError("the device is full")
        self.calls += 1
        self.sizes.append(batch.tokens)
        value = self.real(batch)
        return value * self.loss if self.calls - 1 in self.bad else value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def troubled(run: TrainingRun, **trouble: Any) -> TrainingRun:
    return replace(run, forward=Troubled(run, **trouble))  # type: ignore[arg-type]


def events(run: TrainingRun) -> list[str]:
    return [row["event"] for row in read_rows(run.folder.events)]


def test_a_nan_step_is_skipped_and_the_run_goes_on(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, micro_tokens=10_000)
    run = troubled(a_run(recipe, tmp_path / "run"), bad=range(2, 3))
    assert train(run) == "done"
    skipped = [row["step"] for row in read_rows(run.folder.metrics) if row["skipped"]]
    assert skipped == [3]
    assert all(torch.isfinite(weight).all() for weight in trained_weights(run.forward.trainable).values())


def test_a_skipped_step_leaves_weights_and_moments_alone(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, micro_tokens=10_000, max_steps=1)
    run = troubled(a_run(recipe, tmp_path / "run"), bad=range(1))
    before = trained_weights(run.forward.trainable)
    train(run)
    assert largest_difference(before, trained_weights(run.forward.trainable)) == 0


def test_three_bad_steps_go_back_and_the_data_moves_on(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, micro_tokens=10_000, save_every=2, epochs=3)
    run = troubled(a_run(recipe, tmp_path / "run"), bad=range(3, 6))
    assert train(run) == "done"
    (gone_back,) = [row for row in read_rows(run.folder.events) if row["event"] == "gone back"]
    assert (gone_back["step"], gone_back["to"]) == (6, 2)  # at 4 the trouble had begun: nothing was saved
    steps = [row["step"] for row in read_rows(run.folder.metrics)]
    assert steps == list(range(1, 10))  # no batch twice


def test_weights_of_the_last_good_checkpoint_come_back(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, micro_tokens=10_000, save_every=100, epochs=2, max_steps=6)
    good = a_run(replace(recipe, train=replace(recipe.train, max_steps=3, save_every=3)), tmp_path / "run")
    train(good)
    expected = trained_weights(good.forward.trainable)
    run = troubled(a_run(recipe, tmp_path / "run"), bad=range(3))
    train(run)
    assert "gone back" in events(run)
    assert largest_difference(expected, trained_weights(run.forward.trainable)) == 0


def test_trouble_that_stays_stops_with_a_reason(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, micro_tokens=10_000, save_every=2, epochs=9)
    run = troubled(a_run(recipe, tmp_path / "run"), bad=range(3, 99))
    with pytest.raises(Diverged, match="nan"):
        train(run)


def test_trouble_before_any_checkpoint_stops_too(base: Path, tmp_path: Path) -> None:
    run = troubled(a_run(a_recipe(base, micro_tokens=10_000), tmp_path / "run"), bad=range(99))
    with pytest.raises(Diverged):
        train(run)


def test_a_leaping_loss_is_a_bad_step() -> None:
    guard = Guard(spike=2.0)
    assert [guard.judge(1.0, 1.0) for _ in range(10)] == ["good"] * 10
    assert guard.judge(2.5, 1.0) == "skip"
    assert guard.judge(1.9, 1.0) == "good"
    assert guard.judge(1.0, math.inf) == "skip"
    assert [guard.judge(math.nan, 1.0) for _ in range(2)] == ["skip", "back"]
    assert [guard.judge(math.nan, 1.0) for _ in range(3)] == ["skip", "skip", "stop"]


def test_a_leap_means_nothing_where_it_is_not_asked_for() -> None:
    guard = Guard(spike=0.0)
    assert {guard.judge(loss, 1.0) for loss in [1.0] * 20 + [1e6]} == {"good"}


def test_memory_that_runs_out_halves_the_budget_and_changes_nothing_else(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, micro_tokens=400)
    plain = a_run(recipe, tmp_path / "plain")
    train(plain)
    run = troubled(a_run(recipe, tmp_path / "run"), most_tokens=60)
    assert train(run) == "done"
    budgets = [row["micro_tokens"] for row in read_rows(run.folder.events) if row["event"] == "token budget halved"]
    assert budgets == [200, 100, 50]
    assert max(run.forward.sizes) <= 60  # type: ignore[attr-defined]
    difference = largest_difference(trained_weights(plain.forward.trainable), trained_weights(run.forward.trainable))
    assert difference < 1e-4


def test_an_example_that_does_not_fit_alone_ends_the_run_with_advice(base: Path, tmp_path: Path) -> None:
    run = troubled(a_run(a_recipe(base), tmp_path / "run", rows=made_up_rows(8)), most_tokens=4)
    with pytest.raises(TooLarge, match=r"data\.cutoff"):
        train(run)
