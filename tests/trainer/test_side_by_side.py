"""Micro-batches side by side: the same gradients, in the same order every time, and only where nothing but frozen weights is shared."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.examples import a_recipe, a_run, largest_difference, tiny_base, trained_weights
from trainer.loop import train
from trainer.recipe import Method, Recipe
from trainer.side_by_side import workers_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("side") / "base")


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _recipe(base: Path, **more: Any) -> Recipe:
    recipe = a_recipe(base, **{"max_steps": 4, "micro_tokens": 256, **more})
    return replace(recipe, data=replace(recipe.data, cutoff=40))


def _trained(recipe: Recipe, folder: Path, threads: int) -> dict[str, torch.Tensor]:
    torch.set_num_threads(1)
    run = a_run(recipe, folder, workers=workers_of(recipe, CPU, threads))
    assert run.workers.count == threads
    assert train(run) == "done"
    return trained_weights(run.forward.trainable)


def test_side_by_side_is_one_after_the_other(base: Path, tmp_path: Path) -> None:
    recipe = _recipe(base)
    # The budget is what all hold together, so one worker gets a third of it to compute the same micro-batches.
    alone = _trained(replace(recipe, train=replace(recipe.train, micro_tokens=256 // 3)), tmp_path / "alone", 1)
    several = _trained(recipe, tmp_path / "several", 3)
    assert largest_difference(alone, several) < 1e-6


def test_side_by_side_ends_the_same_every_time(base: Path, tmp_path: Path) -> None:
    first, again = (_trained(_recipe(base), tmp_path / name, 4) for name in ("first", "again"))
    assert largest_difference(first, again) == 0


@pytest.mark.parametrize(
    "more",
    [{"method": Method(dropout=0.1)}, {"method": Method(kind="full")}, {"recompute": 0.5}, {"precision": "4bit"}],
    ids=str,
)
def test_what_shares_more_than_frozen_weights_is_computed_one_after_the_other(base: Path, more: Any) -> None:
    assert workers_of(_recipe(base, **more), CPU, 4).count == 1
    assert workers_of(_recipe(base), CPU, 4).count == 4


def test_the_budget_has_room_for_a_whole_row_of_each(base: Path) -> None:
    assert workers_of(_recipe(base, micro_tokens=100), CPU, 16).count == 2
    assert workers_of(_recipe(base, micro_tokens=79), CPU, 16).count == 1
