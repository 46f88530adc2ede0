"""What a run will take, before it runs: memory by part, tokens, steps, hours, disk, and what would make it fit.

Arithmetic on the recipe, the model's shape and the machine. Nothing is loaded; every figure says where it comes from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainer.estimate.figures import Basis, Figure
from trainer.estimate.fit import Advice, changes_that_fit
from trainer.estimate.machines import Machine
from trainer.estimate.memory import Memory, base_bytes, memory_of
from trainer.estimate.shape import KnownShape, ModelShape, shape_of, trainable_parameters
from trainer.estimate.time import Duration, Measure, duration_of, reference_tokens
from trainer.estimate.tokens import Lengths, recorded_lengths
from trainer.recipe import Recipe, longest_example
from trainer.settle import settled

_PADDING = 1.1  # rows of like length, padded to the longest beside them
_CHECKPOINT_BYTES = 12  # fp32: the weight and Adam's two moments
_SPREADS = 2.5  # a global batch is hardly ever longer than its mean by more standard deviations


@dataclass(frozen=True)
class Fit:
    """Whether a run fits, without asking how fast the machine is."""

    memory: Memory
    fits: bool
    advice: Advice


@dataclass(frozen=True)
class Plan:
    asked: Recipe
    recipe: Recipe  # settled on the machine
    machine: Machine
    known: KnownShape
    lengths: Lengths
    trainable: int
    fit: Fit
    steps: int
    fullest_tokens: int  # of a micro-batch on one rank
    tokens: Figure  # of the whole run, labelled or not
    duration: Duration
    disk: Mapping[str, Figure]


def plan_run(
    recipe: Recipe, machine: Machine, *, lengths: Lengths | None = None, measure: Measure | None = None
) -> Plan:
    """`lengths`: of the tokenised set where there is one; `measure`: in place of measuring this processor where nobody has.

    ModelNotFound where the base's size cannot be known.
    """
    known = shape_of(recipe.model.base)
    shape = known.shape
    lengths = lengths or recorded_lengths(recipe)
    asked, recipe = recipe, settled(recipe, machine, lengths, measure=measure)
    steps, share = _steps(recipe, lengths)
    tokens = Figure(lengths.tokens * share * (1 if recipe.train.packing else _PADDING), _tokens_basis(recipe, lengths))
    before = reference_tokens(recipe, shape, lengths)
    return Plan(
        asked=asked,
        recipe=recipe,
        machine=machine,
        known=known,
        lengths=lengths,
        trainable=trainable_parameters(shape, recipe.method),
        fit=fit_of(recipe, machine, lengths),
        steps=steps,
        fullest_tokens=fullest_micro_batch(recipe, lengths, machine),
        tokens=tokens,
        duration=duration_of(recipe, shape, lengths, machine, tokens=round(tokens.value + before), measure=measure),
        disk=_disk(recipe, known, lengths),
    )


def fit_of(recipe: Recipe, machine: Machine, lengths: Lengths) -> Fit:
    shape = shape_of(recipe.model.base).shape
    memory = memory_on(recipe, shape, machine, lengths)
    advice = changes_that_fit(recipe, machine, lambda changed, on: memory_on(changed, shape, on, lengths).total)
    return Fit(memory, memory.total <= machine.memory_bytes, advice)


def memory_on(recipe: Recipe, shape: ModelShape, machine: Machine, lengths: Lengths) -> Memory:
    tokens = fullest_micro_batch(recipe, lengths, machine)
    return memory_of(recipe, shape, machine, tokens=tokens, labelled=tokens * lengths.trained_share)


def _tokens_basis(recipe: Recipe, lengths: Lengths) -> Basis:
    return lengths.basis if recipe.train.packing else "assumed"


def _steps(recipe: Recipe, lengths: Lengths) -> tuple[int, float]:
    """Optimizer steps, and how many times the rows are gone through."""
    train = recipe.train
    epoch = max(1, math.ceil(lengths.rows / train.batch))
    wanted = math.ceil(train.epochs * epoch)
    steps = min(wanted, train.max_steps) if train.max_steps else wanted
    return steps, steps / epoch


def fullest_micro_batch(recipe: Recipe, lengths: Lengths, machine: Machine) -> int:
    """A rank's share of a long global batch, at most the budget, at least the longest row."""
    train = recipe.train
    rows = max(1.0, min(train.batch, lengths.rows) / machine.count)
    spread = math.sqrt(max(lengths.mean_square - lengths.mean**2, 0.0))
    longest = min(lengths.longest, longest_example(recipe))
    share = rows * lengths.mean + _SPREADS * math.sqrt(rows) * spread
    return max(longest, min(train.micro_tokens, math.ceil(min(share, rows * longest))))


def _disk(recipe: Recipe, known: KnownShape, lengths: Lengths) -> Mapping[str, Figure]:
    trained = trainable_parameters(known.shape, recipe.method)
    # The kept ones, the best, and the one that is being written before an old one goes.
    checkpoints = (recipe.train.keep + 2) * _CHECKPOINT_BYTES * trained
    id_bytes = 2 if known.shape.vocab <= 1 << 16 else 4
    quantised = recipe.model.precision in ("4bit", "8bit")
    parts = {
        "download": Figure(known.download_bytes, "recorded"),
        "quantised": Figure(base_bytes(recipe, known.shape) if quantised else 0, "computed"),
        "tokens": Figure(lengths.tokens * (id_bytes + 1) + 8 * lengths.rows, lengths.basis),
        "checkpoints": Figure(checkpoints, "computed"),
        "artifacts": Figure(4 * trained, "computed"),
    }
    return {name: figure for name, figure in parts.items() if figure.value}


def plan_facts(plan: Plan) -> dict[str, Any]:
    """The plan as one JSON object."""
    return {
        "recipe": plan.recipe.name,
        "base": plan.recipe.model.base,
        "precision": plan.recipe.model.precision,
        "precision_asked": plan.asked.model.precision,
        "minutes": plan.asked.train.minutes,
        "method": plan.recipe.method.kind,
        "machine": {"name": plan.machine.name, "ranks": plan.machine.count, "memory_bytes": plan.machine.memory_bytes},
        "parameters": plan.known.shape.parameters,
        "trainable": plan.trainable,
        "fits": plan.fit.fits,
        "memory": {"total": plan.fit.memory.total, "parts": {k: asdict(v) for k, v in plan.fit.memory.parts.items()}},
        "rows": {"value": plan.lengths.rows, "mean_tokens": round(plan.lengths.mean, 1), "basis": plan.lengths.basis},
        "tokens": asdict(plan.tokens),
        "steps": plan.steps,
        "micro_batch_tokens": plan.fullest_tokens,
        "flops_per_token": plan.duration.flops_per_token,
        "tokens_per_second": asdict(plan.duration.tokens_per_second),
        "seconds": asdict(plan.duration.seconds),
        "disk": {name: asdict(figure) for name, figure in plan.disk.items()},
        "changes": [list(change.settings) for change in plan.fit.advice.changes],
        "smallest_gpu": plan.fit.advice.card,
    }
