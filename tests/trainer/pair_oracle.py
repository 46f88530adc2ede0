"""TRL's `DPOTrainer`, and the formula by plain peft and autograd, over the pairs, order and adapter of a run of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import peft
import torch
from torch.nn import functional
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback

from tests.trainer.examples import END, PairRow, Pairs
from trainer.dataset.packing import Deal, epoch_steps
from trainer.recipe import Recipe


def pairs_in_our_order(recipe: Recipe, pairs: Pairs) -> list[PairRow]:
    training, deal = recipe.train, Deal(world=1, micro_tokens=10**6, packing=False)
    return [
        pairs.rows[place]
        for epoch in range(int(training.epochs))
        for step in epoch_steps(pairs.lengths, seed=training.seed, epoch=epoch, batch=training.batch, deal=deal)
        for place in sorted(step.examples)
    ]


def as_ids(row: PairRow) -> dict[str, list[int]]:
    """Prompt and replies, as TRL's collator takes them."""
    at, ids = row.rejected_at, list(row.ids)
    prompt = row.trained.index(True)
    return {"prompt_ids": ids[:prompt], "chosen_ids": ids[prompt:at], "rejected_ids": ids[at + prompt :]}


def tuned_base(recipe: Recipe) -> Any:
    """Plain peft's: a fresh adapter, or the one to start from."""
    model = AutoModelForCausalLM.from_pretrained(recipe.model.base, dtype=torch.float32)
    if recipe.model.adapter:
        return peft.PeftModel.from_pretrained(model, recipe.model.adapter, is_trainable=True)
    torch.manual_seed(recipe.train.seed)
    config = peft.LoraConfig(r=recipe.method.rank, lora_alpha=recipe.method.alpha, task_type="CAUSAL_LM")
    return peft.get_peft_model(model, config)


def trls_run(
    recipe: Recipe, pairs: Pairs, folder: Path, losses: Mapping[str, float], **options: Any
) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    """What it logs at each step, and the adapter that it ends with."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    class OurPairs(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

        def _get_train_sampler(self, *_: Any, **__: Any) -> SequentialSampler:
            return SequentialSampler(self.train_dataset)

    training = recipe.train
    tuned = tuned_base(recipe)
    arguments = DPOConfig(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=training.batch,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.schedule,
        warmup_steps=int(training.warmup),
        max_grad_norm=training.clip,
        beta=recipe.preference.beta,
        loss_type=list(losses),
        loss_weights=list(losses.values()),
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        disable_tqdm=True,
        **options,
    )
    oracle = OurPairs(
        model=tuned,
        args=arguments,
        train_dataset=Dataset.from_list([as_ids(row) for row in pairs_in_our_order(recipe, pairs)]),
        processing_class=AutoTokenizer.from_pretrained(recipe.model.base),
    )
    oracle.remove_callback(PrinterCallback)
    oracle.train()
    trained = {name: p.detach() for name, p in trained_parameters(oracle.model).items()}
    return [row for row in oracle.state.log_history if "loss" in row], trained


def trained_parameters(tuned: Any) -> dict[str, torch.nn.Parameter]:
    """Under the names that they have with us."""
    return {
        name.removeprefix("base_model.model."): p
        for name, p in tuned.named_parameters()
        if p.requires_grad and ".ref." not in name
    }


def plain_loss(recipe: Recipe, pairs: Pairs, tuned: Any, reference: torch.Tensor) -> torch.Tensor:
    """Of all pairs as one batch, from the model's own logits; `reference`: [pairs, 2]."""
    how = recipe.preference
    said = log_probabilities(pairs, tuned)
    gains = said - reference
    if how.loss == "sigmoid_norm":
        gains = gains / _lengths(pairs)
    margins = how.beta * (gains[:, 0] - gains[:, 1])
    wrong = how.label_smoothing
    loss = -(1 - wrong) * functional.logsigmoid(margins) - wrong * functional.logsigmoid(-margins)
    likelihood = -said[:, 0].sum() / _lengths(pairs)[:, 0].sum()
    return loss.mean() + how.sft_weight * likelihood


def log_probabilities(pairs: Pairs, tuned: Any) -> torch.Tensor:
    """[pairs, 2], one document at a time."""
    return torch.stack([torch.stack([_of_reply(tuned, ids, n) for ids, n in _documents(row)]) for row in pairs.rows])


def _documents(row: PairRow) -> list[tuple[list[int], int]]:
    found = as_ids(row)
    return [(found["prompt_ids"] + found[side], len(found["prompt_ids"])) for side in ("chosen_ids", "rejected_ids")]


def _of_reply(tuned: Any, ids: list[int], prompt: int) -> torch.Tensor:
    logits = tuned(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float().log_softmax(-1)
    chosen: torch.Tensor = logits[prompt - 1 : -1].gather(1, torch.tensor(ids[prompt:])[:, None])
    return chosen.sum()


def _lengths(pairs: Pairs) -> torch.Tensor:
    return torch.tensor([[len(ids) - prompt for ids, prompt in _documents(row)] for row in pairs.rows])


assert END == 0  # the padding of the collator counts nothing: it is masked
