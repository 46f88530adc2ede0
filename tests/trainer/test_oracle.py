"""The loop against `transformers.Trainer`, and against itself in other arrangements."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.examples import (
    Rows,
    a_recipe,
    a_run,
    largest_difference,
    made_up_rows,
    tiny_base,
    trained_weights,
    with_training,
)
from tests.trainer.oracle import our_gradients, pefts_gradients, trainers_run
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method, Recipe


def ours(recipe: Recipe, rows: Rows, folder: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    run = a_run(recipe, folder, rows=rows)
    assert train(run) == "done"
    return [row["loss"] for row in read_rows(run.folder.metrics)], trained_weights(run.forward.trainable)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("oracle") / "base")


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_loss_curve_and_adapter_are_those_of_transformers_trainer(base: Path, tmp_path: Path, schedule: str) -> None:
    recipe = a_recipe(base, packing=False, epochs=3, schedule=schedule, clip=0.5)
    rows = made_up_rows()
    losses, weights = trainers_run(recipe, rows, tmp_path / "trainer")
    our_losses, our_weights = ours(recipe, rows, tmp_path / "ours")
    assert len(losses) == 9
    assert our_losses == pytest.approx(losses, abs=2e-4)  # Trainer rounds what it logs
    assert largest_difference(our_weights, weights) < 2e-5
    untrained = trained_weights(a_run(recipe, tmp_path / "untrained").forward.trainable)
    assert largest_difference(our_weights, untrained) > 1e-2


ARRANGEMENTS: dict[str, dict[str, Any]] = {
    "packed": {},
    "packed into one row": {"micro_tokens": 10_000},
    "unpacked": {"packing": False},
    "one by one": {"micro_tokens": 1},
    "eight at once, padded": {"packing": False, "micro_tokens": 10_000},
    "one by one, padded": {"packing": False, "micro_tokens": 1},
}


@pytest.mark.parametrize("arrangement", list(ARRANGEMENTS))
def test_gradients_do_not_depend_on_the_arrangement(base: Path, tmp_path: Path, arrangement: str) -> None:
    recipe = a_recipe(base, method=Method(kind="lora", rank=4, alpha=8.0, targets=("query_key_value", "dense_4h_to_h")))
    rows = made_up_rows(8)
    expected = our_gradients(with_training(recipe, packing=False, micro_tokens=10_000), tmp_path / "expected", rows)
    found = our_gradients(with_training(recipe, **ARRANGEMENTS[arrangement]), tmp_path / "found", rows)
    assert len(expected) == 8
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)
        assert gradient.abs().max() > 1e-3


def test_the_lean_layers_give_pefts_gradients(base: Path, tmp_path: Path) -> None:
    """Plain peft and autograd over the model's own logits and loss."""
    recipe = a_recipe(base, method=Method(kind="lora", rank=4, alpha=8.0))
    rows = made_up_rows(8)
    found, expected = our_gradients(recipe, tmp_path / "ours", rows), pefts_gradients(recipe, rows)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)
