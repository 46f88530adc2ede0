"""LoRA fine-tuning of a whole shape on one device: tokens a second, MFU, peak memory and what the plan said; beside Trainer and TRL.

The same random rows of KULLM's lengths, rank 16 on the queries, keys and values, no gradient checkpointing. A micro-batch holds as many
tokens on each side; it is halved until the plan says that it fits the card, and then until it runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from gpu_setup import Setup
from report import Row
from side_trainer import CUTOFF, How, Side, recipe_of, rows

from trainer.estimate.estimate import memory_on
from trainer.estimate.machines import Gpu, Machine, gpu_named, machine_named
from trainer.estimate.shape import ModelShape, shape_of_folder
from trainer.estimate.time import duration_of
from trainer.estimate.tokens import Lengths, lengths_of
from trainer.recipe import Recipe
from trainer.utilisation import share_of_a_token

_MICRO_TOKENS = {"1.3b": 8192, "5.8b": 8192, "12.8b": 4096}
_BATCH, _STEPS = 64, 4
_PEERS = {"trainer": ("transformers.Trainer", "grouped"), "trl": ("TRL SFTTrainer", "packed")}


@dataclass(frozen=True)
class Training:
    """What is trained, and the plan's figures for it on this device."""

    title: str
    folder: Path
    batch: int
    steps: int
    how: How
    machine: Machine
    shape: ModelShape
    lengths: Lengths
    rate: float  # operations a second that MFU is a share of

    @property
    def recipe(self) -> Recipe:
        recipe: Recipe = recipe_of(self.folder, self.batch, self.how)
        return recipe

    @property
    def memory(self) -> int:
        return memory_on(self.recipe, self.shape, self.machine, self.lengths).total

    @property
    def planned_speed(self) -> float:
        duration = duration_of(self.recipe, self.shape, self.lengths, self.machine, tokens=1, measure=lambda _: None)
        return duration.tokens_per_second.value

    def mfu(self, speed: float) -> float:
        return speed * (share_of_a_token(self.recipe, self.folder, self.lengths, self.rate) or 0.0)

    def measured(self, library: str, how: How) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": str(self.folder),
            "library": library,
            "batch": self.batch,
            "steps": self.steps,
        }
        return Side().measure(**asked, **asdict(how))


def sft(setup: Setup, *, size: str, precision: str) -> Iterator[Sequence[Row]]:
    training = _fitting(_training(setup, size, precision))
    if training.memory > training.machine.memory_bytes and not setup.dry:
        needed, there = training.memory / 1e9, training.machine.memory_bytes / 1e9
        yield [Row(f"{training.title}: does not fit", f"{needed:.0f} of {there:.0f} GB", None, "", None)]
        return
    ours = _running(training, "ours", training.how)
    if "error" in ours:
        fault = RuntimeError(ours["error"])
        fault.add_note(ours["traceback"])
        raise fault
    yield _ours(training, ours)
    for library, (name, layout) in _PEERS.items():
        if find_spec(library if library == "trl" else "transformers") is None:
            yield [Row(f"{training.title}: {name}", "not installed", None, "", None)]
        else:
            how = replace(training.how, layout=layout, autocast=True)
            yield _beside(training, name, ours, _running(training, library, how))


def _training(setup: Setup, size: str, precision: str) -> Training:
    folder = setup.checkpoint(size)
    batch, steps = setup.some(_BATCH), setup.some(_STEPS)
    made = rows(batch * steps)
    tokens = 1024 if setup.dry else _MICRO_TOKENS[size]
    machine = _machine(setup.device)
    gpu = machine.gpu
    return Training(
        title=f"sft {setup.shape(size)} {precision}",
        folder=folder,
        batch=batch,
        steps=steps,
        how=How(micro=tokens // CUTOFF, micro_tokens=tokens, weights=precision, device=str(setup.device)),
        machine=machine,
        shape=shape_of_folder(folder),
        lengths=lengths_of([len(ids) for ids, _ in made], sum(len(ids) - prompt for ids, prompt in made)),
        rate=(gpu.bf16_flops if gpu else 0.0) or setup.product_rate(),
    )


def _machine(device: torch.device) -> Machine:
    if device.type == "cpu":
        return machine_named("cpu")
    facts = torch.cuda.get_device_properties(device)
    gpu = gpu_named(facts.name) or Gpu(facts.name, facts.total_memory, 0.0, 0.0)
    return Machine(f"1x{gpu.name}", 1, facts.total_memory, gpu, here=True)


def _fitting(training: Training) -> Training:
    while training.memory > training.machine.memory_bytes and training.how.micro > 1:
        training = replace(training, how=_halved(training.how))
    return training


def _halved(how: How) -> How:
    return replace(how, micro=how.micro // 2, micro_tokens=how.micro_tokens // 2)


def _running(training: Training, library: str, how: How) -> dict[str, Any]:
    """Measured with as large a micro-batch as the device has room for."""
    found = training.measured(library, how)
    while "out of memory" in found.get("error", "").lower() and how.micro > 1:
        how = _halved(how)
        found = training.measured(library, how)
    return found | {"micro": how.micro, "micro_tokens": how.micro_tokens, "layout": how.layout}


def _ours(training: Training, found: Mapping[str, Any]) -> Sequence[Row]:
    speed, planned = found["tokens_per_s"], training.planned_speed
    held, said = _held(found), training.memory
    raw = {**found, "mfu": training.mfu(speed), "rate": training.rate}
    return [
        Row(f"{training.title}: speed", f"{speed:,.0f} tokens/s, MFU {training.mfu(speed):.1%}", None, "", None, raw),
        Row(f"{training.title}: speed : planned", f"{speed:,.0f} : {planned:,.0f}", speed / planned, "", None),
        Row(
            f"{training.title}: memory : planned",
            f"{held / 1e9:.1f} : {said / 1e9:.1f} GB, the plan is off by {said / held - 1:+.0%}",
            held / said,
            "",
            None,
            {"held": held, "planned": said},
        ),
    ]


def _held(found: Mapping[str, Any]) -> int:
    """Of the card, its context and the allocator's gaps included, as the plan counts it; on a processor, of the process."""
    return int(found.get("card_bytes", found["peak_bytes"]))


def _beside(training: Training, name: str, ours: Mapping[str, Any], found: Mapping[str, Any]) -> Sequence[Row]:
    title = f"{training.title}: {name}"
    if "error" in found:
        return [Row(title, f"did not run: {found['error']}"[:100], None, "", None, dict(found))]
    speed, theirs = ours["tokens_per_s"], found["tokens_per_s"]
    told = f"{speed:,.0f} : {theirs:,.0f} tokens/s, MFU {training.mfu(theirs):.1%}, {found['micro']} rows {found['layout']}"
    peak, their_peak = ours["peak_bytes"], found["peak_bytes"]
    return [
        Row(title, told, speed / theirs, "", None, dict(found)),
        Row(f"{title}, peak memory", f"{peak / 1e9:.1f} : {their_peak / 1e9:.1f} GB", peak / their_peak, "", None),
    ]
