"""The loop against `transformers.Trainer`, and against itself in other arrangements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

from tests.trainer.examples import (
    Row,
    Rows,
    a_recipe,
    a_run,
    largest_difference,
    made_up_rows,
    tiny_base,
    trained_weights,
    with_training,
)
from trainer.dataset.packing import Deal, epoch_steps
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method, Recipe

IGNORED = -100


class OurOrder(Trainer):  # type: ignore[misc]
    def _get_train_sampler(self, *_: Any, **__: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)


def as_trainer_rows(rows: Sequence[Row]) -> list[dict[str, list[int]]]:
    return [
        {
            "input_ids": list(row.ids),
            "labels": [token if marked else IGNORED for token, marked in zip(row.ids, row.trained, strict=True)],
        }
        for row in rows
    ]


def padded_rows(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])

    mask = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows]
    return {
        "input_ids": filled("input_ids", 0),
        "labels": filled("labels", IGNORED),
        "attention_mask": torch.tensor(mask),
    }


def our_order(recipe: Recipe, rows: Rows) -> list[int]:
    """The rows as our steps take them."""
    training = recipe.train
    return [
        place
        for epoch in range(int(training.epochs))
        for step in epoch_steps(
            rows.lengths,
            seed=training.seed,
            epoch=epoch,
            batch=training.batch,
            deal=Deal(world=1, micro_tokens=10**6, packing=False),
        )
        for place in sorted(step.examples)
    ]


def trainers_run(recipe: Recipe, rows: Rows, folder: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The same adapter, rows and order through plain peft and `transformers.Trainer`."""
    training = recipe.train
    model = AutoModelForCausalLM.from_pretrained(recipe.model.base)
    torch.manual_seed(training.seed)
    tuned = peft.get_peft_model(
        model, peft.LoraConfig(r=recipe.method.rank, lora_alpha=recipe.method.alpha, task_type="CAUSAL_LM")
    )
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=training.batch,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.schedule,
        warmup_steps=int(training.warmup),
        max_grad_norm=training.clip,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    oracle = OurOrder(
        model=tuned,
        args=arguments,
        train_dataset=as_trainer_rows([rows.rows[place] for place in our_order(recipe, rows)]),
        data_collator=padded_rows,
    )
    oracle.train()
    losses = [row["loss"] for row in oracle.state.log_history if "loss" in row]
    weights = {
        name.removeprefix("base_model.model."): parameter.detach()
        for name, parameter in tuned.named_parameters()
        if parameter.requires_grad
    }
    return losses, weights


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


def gradients(recipe: Recipe, folder: Path, rows: Rows) -> dict[str, torch.Tensor]:
    from trainer.run import begin
    from trainer.step import mean_and_clip, summed_gradients

    run = a_run(recipe, folder, rows=rows)
    with torch.no_grad():  # B begins at zero and would hide what reaches A
        for name, parameter in run.forward.trainable.parameters.items():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=torch.Generator().manual_seed(len(name)))
    tally = summed_gradients(run, begin(run))
    mean_and_clip(run.parameters, tally.labels, 0)
    return {name: p.grad.clone() for name, p in run.forward.trainable.parameters.items() if p.grad is not None}


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
    expected = gradients(with_training(recipe, packing=False, micro_tokens=10_000), tmp_path / "expected", rows)
    found = gradients(with_training(recipe, **ARRANGEMENTS[arrangement]), tmp_path / "found", rows)
    assert len(expected) == 8
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4)
        assert gradient.abs().max() > 1e-3


def test_the_lean_layers_give_pefts_gradients(base: Path, tmp_path: Path) -> None:
    """Plain peft and autograd over the model's own logits and loss."""
    recipe = a_recipe(base, method=Method(kind="lora", rank=4, alpha=8.0))
    rows = made_up_rows(8)
    ours_found = gradients(recipe, tmp_path / "ours", rows)
    model = AutoModelForCausalLM.from_pretrained(base)
    torch.manual_seed(recipe.train.seed)
    tuned = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM"))
    names = {name.removeprefix("base_model.model."): p for name, p in tuned.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for name, parameter in names.items():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=torch.Generator().manual_seed(len(name)))
    batch = padded_rows(as_trainer_rows(rows.rows))
    tuned(**batch, use_cache=False).loss.backward()
    for name, parameter in names.items():
        torch.testing.assert_close(ours_found[name], parameter.grad, atol=1e-5, rtol=1e-4)
