"""`transformers.Trainer` over the rows, order and adapter of a run of ours: what a training is held against."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, PrinterCallback, Trainer, TrainingArguments

from tests.trainer.examples import ALONE, END, Row, Rows, a_run
from trainer.dataset.packing import Deal, epoch_steps
from trainer.ranks import Ranks
from trainer.recipe import Recipe
from trainer.run import begin
from trainer.step import mean_and_clip, summed_gradients

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


def padded_rows(rows: list[dict[str, list[int]]], pad: int = END) -> dict[str, torch.Tensor]:
    width = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])

    mask = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows]
    return {
        "input_ids": filled("input_ids", pad),
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


def trainers_run(
    recipe: Recipe, rows: Rows, folder: Path, device: torch.device = ALONE.device
) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The same adapter, rows and order through plain peft and `transformers.Trainer`."""
    training = recipe.train
    tuned = _tuned(recipe)
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
        use_cpu=device.type == "cpu",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    oracle = OurOrder(
        model=tuned,
        args=arguments,
        train_dataset=as_trainer_rows([rows.rows[place] for place in our_order(recipe, rows)]),
        data_collator=padded_rows,
    )
    oracle.remove_callback(PrinterCallback)
    oracle.train()
    losses = [row["loss"] for row in oracle.state.log_history if "loss" in row]
    return losses, {name: parameter.detach() for name, parameter in _trained(tuned).items()}


def our_gradients(recipe: Recipe, folder: Path, rows: Rows, ranks: Ranks = ALONE) -> dict[str, torch.Tensor]:
    """Of the mean loss over all rows, by the loop."""
    run = a_run(recipe, folder, rows=rows, ranks=ranks)
    _begin_elsewhere(run.forward.trainable.parameters)
    tally = summed_gradients(run, begin(run))
    mean_and_clip(run.parameters, tally.labels, 0)
    return {name: p.grad.clone() for name, p in run.forward.trainable.parameters.items() if p.grad is not None}


def pefts_gradients(
    recipe: Recipe, rows: Rows, device: torch.device = ALONE.device, *, autocast: bool = False, **loading: Any
) -> dict[str, torch.Tensor]:
    """The same by plain peft and autograd over the model's own logits and loss.

    `loading`: how transformers loads the base; `autocast`: as Trainer computes with bf16=True.
    """
    tuned = _tuned(recipe, **loading)
    if "device_map" not in loading:
        tuned = tuned.to(device)
    _begin_elsewhere(_trained(tuned))
    batch = {name: tensor.to(device) for name, tensor in padded_rows(as_trainer_rows(rows.rows)).items()}
    with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
        loss = tuned(**batch, use_cache=False).loss
    loss.backward()
    return {name: p.grad for name, p in _trained(tuned).items() if p.grad is not None}


def _tuned(recipe: Recipe, **loading: Any) -> Any:
    model = AutoModelForCausalLM.from_pretrained(recipe.model.base, **({"dtype": torch.float32} | loading))
    torch.manual_seed(recipe.train.seed)
    config = peft.LoraConfig(r=recipe.method.rank, lora_alpha=recipe.method.alpha, task_type="CAUSAL_LM")
    return peft.get_peft_model(model, config)


def _trained(tuned: Any) -> dict[str, torch.nn.Parameter]:
    """Under the names that they have with us."""
    return {name.removeprefix("base_model.model."): p for name, p in tuned.named_parameters() if p.requires_grad}


@torch.no_grad()
def _begin_elsewhere(parameters: Mapping[str, torch.nn.Parameter]) -> None:
    """B begins at zero and would hide what reaches A."""
    for name, parameter in parameters.items():
        if "lora_B" in name:
            numbers = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)))
            parameter.copy_(0.1 * numbers)
