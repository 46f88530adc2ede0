"""How long a run takes: its arithmetic, divided by how fast the machine does arithmetic of that kind.

Operations per token, P the blocks' matrices, V·d the head (labelled tokens only), n what is trained, s the length of the
document that an average token stands in:

    LoRA, IA3, LLaMA-Adapter   4·(P + V·d) + 6·n       forward, and backward to the inputs
    full                       6·(P + V·d)             and backward to the weights
    recomputed share r         + r·2·P
    attention                  + L·(2 + 5)·q·s         causal: half of 4·q·s forward, two and a half times that backward
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.files import publish
from trainer.estimate_figures import Basis, Figure
from trainer.estimate_memory import activation_bytes, number_bytes
from trainer.estimate_shape import ModelShape, trainable_parameters
from trainer.estimate_tokens import Lengths
from trainer.machines import Machine, processor_name, usable_cores
from trainer.recipe import Recipe

# The share of a card's peak that good runs reach (published: about half); 4-bit and 8-bit open every matrix first.
_CARD_SHARE = 0.45
_QUANTISED_SHARE = 0.35
_UNKNOWN_CARD_FLOPS = 50e12
_CORE_FLOPS = {"fp32": 40e9, "bf16": 40e9}  # of a core that was never measured
_CORE_BANDWIDTH = 4e9
_MEASURE_SECONDS = 120
# How often a kept activation passes through memory besides the products that make and read it: fitted to small runs.
_PASSES = 3.0
_UPDATE_BYTES = 32  # of a trained number: read and written by Adam

Measured = dict[str, Any]


@dataclass(frozen=True)
class Speed:
    flops: Figure  # a second, as the trainer reaches them
    bandwidth: float  # of memory, bytes a second; 0: within `flops`


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


def duration_of(
    recipe: Recipe, shape: ModelShape, lengths: Lengths, machine: Machine, *, tokens: int, steps: int
) -> Duration:
    """Of a run over that many tokens in that many steps."""
    speed = speed_of(recipe, shape, machine)
    flops = flops_per_token(recipe, shape, lengths)
    per_token = flops / speed.flops.value
    per_step = 0.0
    if speed.bandwidth:
        per_token += _PASSES * activation_bytes(recipe, shape) / speed.bandwidth
        per_step = _UPDATE_BYTES * trainable_parameters(shape, recipe.method) / speed.bandwidth
    seconds = tokens * per_token / machine.count + steps * per_step
    return Duration(flops, Figure(tokens / seconds, speed.flops.basis), Figure(seconds, speed.flops.basis))


def speed_of(recipe: Recipe, shape: ModelShape, machine: Machine) -> Speed:
    gpu = machine.gpu
    if gpu is None:
        return _processor_speed(recipe, shape)
    share = _QUANTISED_SHARE if recipe.model.precision in ("4bit", "8bit") else _CARD_SHARE
    return Speed(Figure(share * (gpu.bf16_flops or _UNKNOWN_CARD_FLOPS), "assumed"), 0.0)


def _processor_speed(recipe: Recipe, shape: ModelShape) -> Speed:
    kind = "fp32" if number_bytes(recipe) == 4 else "bf16"
    measured = measured_processor(shape.hidden)
    if measured is None:
        cores = usable_cores()
        return Speed(Figure(cores * _CORE_FLOPS[kind], "assumed"), cores * _CORE_BANDWIDTH)
    return Speed(Figure(measured["flops"][kind], "measured"), measured["bandwidth"])


def measured_processor(width: int, *, measure: Callable[[int], Measured | None] | None = None) -> Measured | None:
    """This computer's speed at products of about that width, measured once and kept; None where torch is not installed."""
    width = _nearby(width)
    place = paths.cache_dir() / "measured" / "processor.json"
    key = f"{processor_name()}, {width}"
    known = _read(place)
    if key in known:
        found: Measured = known[key]
        return found
    fresh = (measure or _measure)(width)
    if fresh is not None:
        publish(place, json.dumps({**known, key: fresh}, indent=1), mode=0o600)
    return fresh


def _nearby(width: int) -> int:
    """A power of two from 64 to 4096: neighbours multiply about as fast."""
    return min(4096, max(64, 1 << max(width - 1, 1).bit_length()))


def _read(place: Path) -> dict[str, Any]:
    try:
        known = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _measure(width: int) -> Measured | None:
    command = [sys.executable, "-P", "-m", "trainer.measure", str(width)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MEASURE_SECONDS, check=True)
        measured: Measured = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return measured


def basis_of_speed(duration: Duration) -> Basis:
    return duration.tokens_per_second.basis
