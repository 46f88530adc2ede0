"""Direct preference optimisation against the formula by plain peft and autograd, and against TRL's DPOTrainer."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_models import save_lora
from tests.trainer.examples import (
    Pairs,
    a_preference,
    a_preference_run,
    a_recipe,
    largest_difference,
    made_up_pairs,
    tiny_base,
    trained_weights,
    with_training,
)
from tests.trainer.pair_oracle import log_probabilities, plain_loss, trained_parameters, trls_run, tuned_base
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method, Recipe, recipe_with
from trainer.run import begin
from trainer.step import mean_and_clip, summed_gradients


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("preference") / "base")


@pytest.fixture(scope="module")
def adapter(base: Path) -> Path:
    """One that was trained before, strong enough to say other things than its base."""
    return save_lora(base.parent / "sft", base, rank=4, strength=0.1)


def started(recipe: Recipe, adapter: Path) -> Recipe:
    return recipe_with(recipe, [f"model.adapter={adapter}", "model.template=plain"])


FORMS: dict[str, dict[str, Any]] = {
    "sigmoid": {},
    "sigmoid_norm": {"loss": "sigmoid_norm", "beta": 2.0},
    "with the likelihood": {"sft_weight": 0.2},
    "smoothed": {"label_smoothing": 0.1},
    "all at once": {"loss": "sigmoid_norm", "beta": 1.0, "sft_weight": 0.3, "label_smoothing": 0.2},
}


def ours(recipe: Recipe, pairs: Pairs, folder: Path) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients of all pairs as one batch, a step away from the start."""
    run = a_preference_run(with_training(recipe, batch=len(pairs.rows)), folder, pairs=pairs)
    _move(run.forward.trainable.parameters)
    tally = summed_gradients(run, begin(run))
    mean_and_clip(run.parameters, tally.labels, 0)
    found = {name: p.grad.clone() for name, p in run.forward.trainable.parameters.items() if p.grad is not None}
    return tally.loss / tally.labels, found


def by_formula(recipe: Recipe, pairs: Pairs) -> tuple[float, dict[str, torch.Tensor]]:
    tuned = tuned_base(recipe)
    with torch.no_grad():
        reference = log_probabilities(pairs, tuned)
    _move(trained_parameters(tuned))
    loss = plain_loss(recipe, pairs, tuned, reference)
    loss.backward()
    return float(loss.detach()), {name: p.grad for name, p in trained_parameters(tuned).items() if p.grad is not None}


@torch.no_grad()
def _move(parameters: Any) -> None:
    """A fresh B is zero and would hide what reaches A."""
    for name, parameter in parameters.items():
        parameter += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)))


@pytest.mark.parametrize("from_adapter", [False, True], ids=["fresh", "from an adapter"])
@pytest.mark.parametrize("form", list(FORMS))
def test_loss_and_gradients_are_those_of_the_formula(
    base: Path, adapter: Path, tmp_path: Path, form: str, from_adapter: bool
) -> None:
    recipe = a_preference(a_recipe(base), **FORMS[form])
    recipe = started(recipe, adapter) if from_adapter else recipe
    pairs = made_up_pairs(8)
    expected_loss, expected = by_formula(recipe, pairs)
    loss, found = ours(recipe, pairs, tmp_path / "ours")
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-3)
        assert gradient.abs().max() > 1e-4


ARRANGEMENTS: dict[str, dict[str, Any]] = {
    "packed": {},
    "unpacked": {"packing": False},
    "one by one": {"micro_tokens": 1},
    "one by one, padded": {"packing": False, "micro_tokens": 1},
}


@pytest.mark.parametrize("arrangement", list(ARRANGEMENTS))
def test_gradients_do_not_depend_on_how_a_batch_of_pairs_and_rows_is_divided(
    base: Path, tmp_path: Path, arrangement: str
) -> None:
    recipe = a_preference(a_recipe(base), sft_weight=0.3)
    pairs = made_up_pairs(9, unpaired=3)
    _, expected = ours(with_training(recipe, packing=False, micro_tokens=10_000), pairs, tmp_path / "expected")
    _, found = ours(with_training(recipe, **ARRANGEMENTS[arrangement]), pairs, tmp_path / "found")
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-3)


def test_all_weights_learn_from_pairs_too(base: Path, tmp_path: Path) -> None:
    recipe = a_preference(a_recipe(base, method=Method(kind="full"), learning_rate=1e-3))
    run = a_preference_run(recipe, tmp_path)
    assert train(run) == "done"
    rows = list(read_rows(run.folder.metrics))
    assert rows[-1]["accuracy"] > rows[0]["accuracy"]
    assert rows[0]["loss"] == pytest.approx(0.693147, abs=1e-5)


def test_the_report_tells_whether_the_chosen_reply_falls_and_how_long_replies_are(base: Path, tmp_path: Path) -> None:
    recipe = a_preference(a_recipe(base, epochs=6), beta=0.5)
    pairs = made_up_pairs()
    run = a_preference_run(recipe, tmp_path, pairs=pairs, held_out=made_up_pairs(5, seed=9))
    train(run)
    rows = list(read_rows(run.folder.metrics))
    first, last = rows[0], rows[-1]
    assert (first["margin"], first["chosen_gain"], first["accuracy"]) == (0, 0, 0)
    assert last["accuracy"] > 0.9
    assert last["margin"] == pytest.approx(0.5 * (last["chosen_gain"] - last["rejected_gain"]), abs=1e-5)
    assert last["chosen_logp"] < 0
    evaluated = next(row for row in rows if "eval_loss" in row)
    assert {"eval_margin", "eval_accuracy", "eval_chosen_gain"} <= evaluated.keys()
    (epoch,) = {row["step"]: row for row in rows if row["step"] == 3}.values()
    lengths = [sum(row.trained[: row.rejected_at]) for row in pairs.rows]
    per_epoch = sum(row["chosen_length"] for row in rows[:3]) / 3
    assert per_epoch == pytest.approx(sum(lengths) / len(lengths), abs=1e-4)
    assert epoch["rejected_length"] > 0


TRLS: dict[str, tuple[dict[str, Any], dict[str, float], dict[str, Any]]] = {
    "sigmoid": ({}, {"sigmoid": 1.0}, {}),
    "sigmoid, the reference computed before": ({}, {"sigmoid": 1.0}, {"precompute_ref_log_probs": True}),
    "sigmoid_norm": ({"loss": "sigmoid_norm", "beta": 2.0}, {"sigmoid_norm": 1.0}, {}),
    "with the likelihood": ({"sft_weight": 0.2}, {"sigmoid": 1.0, "sft": 0.2}, {}),
}


@pytest.mark.peers
@pytest.mark.parametrize("from_adapter", [False, True], ids=["fresh", "from an adapter"])
@pytest.mark.parametrize("form", list(TRLS))
def test_loss_curve_and_adapter_are_those_of_trls_dpo_trainer(
    base: Path, adapter: Path, tmp_path: Path, form: str, from_adapter: bool
) -> None:
    preference, losses, options = TRLS[form]
    recipe = a_preference(a_recipe(base, packing=False, epochs=3, clip=0.5, learning_rate=3e-3), **preference)
    recipe = started(recipe, adapter) if from_adapter else recipe
    pairs = made_up_pairs()
    logged, weights = trls_run(recipe, pairs, tmp_path / "trl", losses, **options)
    run = a_preference_run(recipe, tmp_path / "ours", pairs=pairs)
    before = trained_weights(run.forward.trainable)
    assert train(run) == "done"
    rows = list(read_rows(run.folder.metrics))
    assert len(logged) == len(rows) == 9
    assert [row["loss"] for row in rows] == pytest.approx([row["loss"] for row in logged], abs=2e-4)  # TRL rounds
    for mine, theirs in (("chosen_logp", "logps/chosen"), ("rejected_logp", "logps/rejected")):
        assert [row[mine] for row in rows] == pytest.approx([row[theirs] for row in logged], rel=1e-4)
    assert largest_difference(trained_weights(run.forward.trainable), weights) < 2e-5
    assert largest_difference(before, weights) > 1e-3
