"""Training on this device beside `transformers.Trainer` and plain peft, on a tiny model.

fp32         losses of nine steps and the adapter that came of them, rows padded and packed
bf16, 4bit   one step's gradients: how far ours and plain peft's are from those of fp32 arithmetic over the same weights
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from gpu_setup import Setup
from report import Row

from tests.tiny_models import in_four_bits, save_model
from tests.trainer.examples import a_recipe, a_run, largest_difference, made_up_rows, trained_weights
from tests.trainer.oracle import our_gradients, pefts_gradients, trainers_run
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.ranks import Ranks
from trainer.recipe import Recipe

_LOSS, _WEIGHT = 2e-4, 1e-4  # Trainer rounds what it logs; a step moves a weight by up to 1e-2
_AS_NEAR = 1.5  # of the error of Trainer's arithmetic, which keeps norms in fp32; a fault would be tens of times as far


def step(setup: Setup) -> Iterator[Sequence[Row]]:
    ranks = Ranks(0, 1, setup.device)
    base = save_model(setup.scratch / "tiny" / "trained", dtype=torch.bfloat16)
    recipe = a_recipe(base, packing=False, epochs=3, clip=0.5)
    rows = made_up_rows()
    losses, weights = trainers_run(recipe, rows, setup.scratch / "trainer", setup.device)
    for packing in (False, True):
        ours = a_recipe(base, packing=packing, epochs=3, clip=0.5)
        found = _trained(ours, setup.scratch / f"packing-{packing}", ranks)
        yield [
            _same(f"fp32, {'packed' if packing else 'padded'}: Trainer's losses and adapter", found, (losses, weights))
        ]
    exact: dict[str, dict[str, Any]] = {"bf16": {"dtype": torch.float32}, "4bit": in_four_bits(torch.float32)}
    rounded: dict[str, dict[str, Any]] = {"bf16": {"dtype": torch.bfloat16}, "4bit": in_four_bits(torch.bfloat16)}
    eight = made_up_rows(recipe.train.batch)  # one step's
    for precision in ("bf16", "4bit"):
        recipe = a_recipe(base, precision=precision, micro_tokens=10_000)
        true = pefts_gradients(recipe, eight, setup.device, **_on(setup, exact[precision]))
        theirs = pefts_gradients(recipe, eight, setup.device, autocast=True, **_on(setup, rounded[precision]))
        ours_found = our_gradients(recipe, setup.scratch / f"gradients-{precision}", eight, ranks)
        yield [_near(f"{precision}, packed: a gradient's error, ours : peft's", ours_found, theirs, true)]


Found = tuple[list[float], Mapping[str, torch.Tensor]]


def _trained(recipe: Recipe, folder: Path, ranks: Ranks) -> Found:
    run = a_run(recipe, folder, rows=made_up_rows(), ranks=ranks)
    if train(run) != "done":
        raise RuntimeError("the run was stopped")
    return [row["loss"] for row in read_rows(run.folder.metrics)], trained_weights(run.forward.trainable)


def _same(title: str, ours: Found, theirs: Found) -> Row:
    loss = max(abs(left - right) for left, right in zip(ours[0], theirs[0], strict=True))
    weight = largest_difference(dict(ours[1]), dict(theirs[1]))
    told = f"{len(ours[0])} losses within {loss:.1e}, weights within {weight:.1e}"
    return Row(title, told, None, f"≤ {_LOSS:.0e}, {_WEIGHT:.0e}", loss <= _LOSS and weight <= _WEIGHT)


def _on(setup: Setup, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where bitsandbytes makes 4 bits of a model, it is where it runs."""
    return {**options, "device_map": {"": str(setup.device)}} if setup.device.type == "cuda" else options


def _near(title: str, ours: Any, theirs: Any, exact: Any) -> Row:
    error, their_error = _error(ours, exact), _error(theirs, exact)
    ratio = error / their_error
    return Row(title, f"{error:.2%} : {their_error:.2%}", ratio, f"≤ {_AS_NEAR}", ratio <= _AS_NEAR)


def _error(found: Mapping[str, torch.Tensor], exact: Mapping[str, torch.Tensor]) -> float:
    off = sum(float((found[name].float() - exact[name].float()).pow(2).sum()) for name in exact)
    return float((off / sum(float(exact[name].float().pow(2).sum()) for name in exact)) ** 0.5)
