"""A recipe settled on the machine where its run begins: which arithmetic `auto` is there, and how many steps fit into its minutes.

    precision = "auto"    on a processor that multiplies bf16 the faster of fp32 and bf16, measured on a block of the model, on others fp32;
                          on a card bf16 where it has that
    minutes = 3           as many steps as the measured speed allows, never more than the epochs come to; warm-up and decay follow from them

A run is given the settled recipe and keeps it, so that whoever goes on with it, whenever and wherever, takes the same steps.
"""

from __future__ import annotations

import math
from dataclasses import replace

from trainer.estimate.machines import Machine
from trainer.estimate.shape import ModelShape, shape_of
from trainer.estimate.time import Measure, duration_of, measured_speeds, reference_tokens
from trainer.estimate.tokens import Lengths
from trainer.recipe import Recipe
from trainer.schedule import total_steps

_LEAST_STEPS = 12  # with fewer nothing is learnt, and the minutes would be lost
NOW = 120.0  # seconds for which a measured speed is that of the moment


def settled(
    recipe: Recipe, machine: Machine, lengths: Lengths, *, within: float = math.inf, measure: Measure | None = None
) -> Recipe:
    """The same for a recipe that leaves nothing open. `within`: by the machine's speed so many seconds ago or less, other work on it included."""
    shape = shape_of(recipe.model.base).shape
    recipe = _with_precision(recipe, shape, machine, lengths, measure)
    return _with_steps(recipe, shape, machine, lengths, within, measure) if recipe.train.minutes else recipe


def _with_precision(
    recipe: Recipe, shape: ModelShape, machine: Machine, lengths: Lengths, measure: Measure | None
) -> Recipe:
    if recipe.model.precision != "auto":
        return recipe
    if machine.gpu is not None:
        chosen = "bf16" if machine.gpu.bf16 else "fp32"
    elif not machine.here:
        chosen = "fp32"  # for an estimate; it is decided over there
    else:
        speeds = measured_speeds(recipe, shape, lengths, measure)
        chosen = max(speeds, key=lambda kind: speeds[kind], default="fp32")
    return replace(recipe, model=replace(recipe.model, precision=chosen))  # type: ignore[arg-type]


def _with_steps(
    recipe: Recipe, shape: ModelShape, machine: Machine, lengths: Lengths, within: float, measure: Measure | None
) -> Recipe:
    train = recipe.train
    if machine.is_cpu and machine.here:
        measured_speeds(recipe, shape, lengths, measure, within=within)
    batch_tokens = min(train.batch, lengths.rows) * lengths.mean
    each = duration_of(recipe, shape, lengths, machine, tokens=round(batch_tokens), measure=measure).seconds.value
    before = each * reference_tokens(recipe, shape, lengths) / batch_tokens
    steps = max(_LEAST_STEPS, int((60 * train.minutes - before) / each))
    return replace(recipe, train=replace(train, minutes=0.0, max_steps=min(steps, total_steps(train, lengths.rows))))
