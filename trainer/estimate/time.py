"""How long a run takes: its arithmetic, divided by how fast the machine does arithmetic of that kind.

Operations per token, P the blocks' matrices, V·d the head (labelled tokens only), n what is trained, s the length of the
document that an average token stands in:

    LoRA, IA3, LLaMA-Adapter   4·(P + V·d) + 6·n       forward, and backward to the inputs
    full                       6·(P + V·d)             and backward to the weights
    recomputed share r         + r·2·P
    attention                  + L·(2 + 5)·q·s         causal: half of 4·q·s forward, two and a half times that backward

A preference tuning goes forward once over all pairs before its first step: tokens of a share of a step's.

A card's speed is a share of its peak. This computer's processor is measured on one block of the very shape, once; where the recipe leaves
the precision open, in each arithmetic that it may be, and the faster one counts.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.files import publish
from trainer.arithmetic import alternatives_here
from trainer.estimate.figures import Figure
from trainer.estimate.machines import Machine, processor_name, usable_cores
from trainer.estimate.shape import ModelShape, trainable_parameters
from trainer.estimate.tokens import Lengths
from trainer.recipe import DataChoice, Recipe, Training, recipe_dict

# The share of a card's peak that good runs reach (published: about half); 4-bit and 8-bit open every matrix first.
_CARD_SHARE = 0.45
_QUANTISED_SHARE = 0.35
_UNKNOWN_CARD_FLOPS = 50e12
_CORE_FLOPS = 20e9  # of a core that cannot be measured
_MEASURE_SECONDS = 300
_MEASURED_TOKENS = 2048  # of a micro-batch at most: products of half the size reach a third less on some processors

Measured = dict[str, Any]
Measure = Callable[[Mapping[str, Any]], Mapping[str, Measured] | None]  # by precision


@dataclass(frozen=True)
class Duration:
    flops_per_token: float
    tokens_per_second: Figure  # all ranks together
    seconds: Figure


def flops_per_token(recipe: Recipe, shape: ModelShape, lengths: Lengths) -> float:
    blocks = 2 * shape.linear_parameters
    head = 2 * shape.vocab * shape.hidden * lengths.trained_share
    attention = 2 * shape.layers * shape.query_width * lengths.seen_length
    again = recipe.train.recompute * (blocks + attention)
    backward = 2 if recipe.method.kind == "full" else 1
    trained = 0 if recipe.method.kind == "full" else 6 * trainable_parameters(shape, recipe.method)
    return (1 + backward) * (blocks + head) + 3.5 * attention + again + trained


def reference_tokens(recipe: Recipe, shape: ModelShape, lengths: Lengths) -> float:
    """Tokens of a step that take as long as what is computed before the first one; the pairs held out are few."""
    if recipe.train.kind != "dpo":
        return 0.0
    once = replace(recipe, train=replace(recipe.train, recompute=0.0))
    forward = 2 * (shape.linear_parameters + shape.vocab * shape.hidden * lengths.trained_share)
    forward += 2 * shape.layers * shape.query_width * lengths.seen_length
    return lengths.tokens * forward / flops_per_token(once, shape, lengths)


def duration_of(
    recipe: Recipe,
    shape: ModelShape,
    lengths: Lengths,
    machine: Machine,
    *,
    tokens: int,
    measure: Measure | None = None,
) -> Duration:
    """Of a run over that many tokens."""
    flops = flops_per_token(recipe, shape, lengths)
    speed = _speed(recipe, shape, lengths, machine, flops, measure or _measure)
    together = (
        1 if machine.is_cpu else machine.count
    )  # ranks on one processor share what was measured with all its cores
    total = Figure(speed.value * together, speed.basis)
    return Duration(flops, total, Figure(tokens / total.value, total.basis))


def _speed(
    recipe: Recipe, shape: ModelShape, lengths: Lengths, machine: Machine, flops: float, measure: Measure
) -> Figure:
    """Tokens a second of one card, or of the whole processor."""
    gpu = machine.gpu
    if gpu is not None:
        share = _QUANTISED_SHARE if recipe.model.precision in ("4bit", "8bit") else _CARD_SHARE
        return Figure(share * (gpu.bf16_flops or _UNKNOWN_CARD_FLOPS) / flops, "assumed")
    rates = measured_speeds(recipe, shape, lengths, measure) if machine.here else {}
    if not rates:
        return Figure((machine.cores or usable_cores()) * _CORE_FLOPS / flops, "assumed")
    return Figure(max(rates.values()), "measured")


def measured_speeds(
    recipe: Recipe, shape: ModelShape, lengths: Lengths, measure: Measure | None = None, *, within: float = math.inf
) -> Mapping[str, float]:
    """Tokens a second of this processor in each precision that the recipe may have; nothing where torch is not installed.

    Measured once and kept; `within` so many seconds, where the machine as it is at this moment counts.
    """
    precision = recipe.model.precision
    facts = _facts(recipe, shape, lengths)
    keys = {kind: _key(facts, kind) for kind in (alternatives_here() if precision == "auto" else (precision,))}
    place = paths.cache_dir() / "measured" / "processor.json"
    known = _read(place)
    since = time.time() - within
    missing = [kind for kind, key in keys.items() if key not in known or known[key].get("time", 0) < since]
    if missing:
        found = (measure or _measure)({**facts, "precisions": missing})
        if found is None:
            return {}
        known |= {keys[kind]: {**entry, "time": round(time.time())} for kind, entry in found.items()}
        publish(place, json.dumps(known, indent=1), mode=0o600)
    again = 1 + recipe.train.recompute / 3  # a forward is a third of forward and backward together
    return {kind: _tokens_per_second(known[key], shape.layers * again) for kind, key in keys.items()}


def _tokens_per_second(measured: Measured, blocks: float) -> float:
    return float(measured["tokens"]) / float(measured["rest"] + blocks * measured["block"])


def _key(facts: Mapping[str, Any], precision: str) -> str:
    """What tells one measurement from another: the processor, the precision, and all that a step's time depends on."""
    told = json.dumps({**facts, "precision": precision}, sort_keys=True)
    return f"{processor_name()}, {hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _facts(recipe: Recipe, shape: ModelShape, lengths: Lengths) -> Mapping[str, Any]:
    """Of the recipe, what a block's speed depends on, so that small changes of a recipe are not measured again."""
    document = max(8, round(lengths.seen_length / 16) * 16)
    tokens = max(document, min(_MEASURED_TOKENS, recipe.train.micro_tokens))
    recipe = replace(
        recipe,
        name="measured",
        model=replace(recipe.model, base="", template="plain", init="pretrained", precision="fp32"),
        data=DataChoice(source="measured", cutoff=recipe.data.cutoff),
        train=Training(packing=recipe.train.packing, micro_tokens=recipe.train.micro_tokens),
        summary="",
        summary_en="",
        source="",
        source_en="",
        notes="",
        notes_en="",
    )
    return {
        "config": shape.config,
        "recipe": recipe_dict(recipe),
        "tokens": tokens,
        "document": document,
        "trained_share": round(lengths.trained_share, 1),
    }


def _read(place: Path) -> dict[str, Any]:
    try:
        known = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _measure(facts: Mapping[str, Any]) -> Mapping[str, Measured] | None:
    command = [sys.executable, "-P", "-m", "trainer.estimate.measure", json.dumps(facts)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_MEASURE_SECONDS, check=True, env=environment
        )
        measured: Mapping[str, Measured] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None
    return measured
