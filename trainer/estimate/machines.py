"""The machine that a plan is for: named ("4xA100-80GB", "cpu", "2xcpu"), or this one as it is found.

A graphics card's figures come from gpus.toml; this machine's processor is measured, once, by `python -m trainer.estimate.measure`.
"""

from __future__ import annotations

import os
import platform
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.memory import facts_of_cards, host_total
from kullm_tui.core.processor import forced_path
from kullm_tui.core.rules import did_you_mean

_NAMED = re.compile(r"(?:(?P<count>\d{1,4})\s*[x×*]\s*)?(?P<name>.+)", re.IGNORECASE)
_NOISE = re.compile(r"nvidia|geforce|tesla|quadro|laptop gpu|ada generation|pcie|sxm\d?|hbm\d?e?|graphics|[\s_-]")


@dataclass(frozen=True)
class Gpu:
    name: str
    memory_bytes: int
    bf16_flops: float
    bandwidth: float  # bytes a second
    bf16: bool = True


@dataclass(frozen=True)
class Machine:
    """`gpu` None: the processor. `count`: ranks, one a card; on a processor they share its cores and its memory."""

    name: str
    count: int
    memory_bytes: int  # of one rank: a card's, or its share of the computer's
    gpu: Gpu | None = None
    here: bool = False
    cores: int = 0  # of a processor elsewhere

    @property
    def is_cpu(self) -> bool:
        return self.gpu is None


@cache
def known_gpus() -> Mapping[str, Gpu]:
    table = tomllib.loads(resources.files("trainer").joinpath("gpus.toml").read_text(encoding="utf-8"))
    return {
        name: Gpu(
            name,
            round(entry["memory_gib"] * 2**30),
            entry["bf16_tflops"] * 1e12,
            entry["bandwidth_gbs"] * 1e9,
            entry.get("bf16", True),
        )
        for name, entry in table.items()
    }


@cache
def _names() -> Mapping[str, str]:
    """Every spelling, plain, → the card's name."""
    table = tomllib.loads(resources.files("trainer").joinpath("gpus.toml").read_text(encoding="utf-8"))
    return {_plain(spelling): name for name, entry in table.items() for spelling in (name, *entry.get("also", ()))}


def _plain(name: str) -> str:
    plain = _NOISE.sub("", name.lower())
    return re.sub(r"(?<=\d)gib?$", "gb", plain)


def gpu_named(name: str) -> Gpu | None:
    """By any usual spelling: "A100-80GB", "NVIDIA A100-SXM4-80GB", "rtx 4090", "4090"."""
    plain = _plain(name)
    for spelling in (plain, f"rtx{plain}", plain.removesuffix("gb").rstrip("0123456789")):
        if spelling in _names():
            return known_gpus()[_names()[spelling]]
    return None


def machine_named(text: str) -> Machine:
    """UsageError for a name that nobody knows."""
    found = _NAMED.fullmatch(text.strip())
    count = int(found["count"] or 1) if found else 0
    if found and count and found["name"].strip().lower() == "cpu":
        return _this_cpu(count)
    gpu = gpu_named(found["name"]) if found else None
    if gpu is None or count < 1:
        raise _unknown(text)
    return Machine(f"{count}x{gpu.name}", count, gpu.memory_bytes, gpu)


def this_machine() -> Machine:
    """Its cards if it has any (all alike: the first one's figures), else its processor."""
    cards = _local_cards()
    if not cards:
        return _this_cpu()
    name, memory = cards[0]
    known = gpu_named(name)
    gpu = known or Gpu(name, memory, 0.0, 0.0)
    return Machine(f"{len(cards)}x{gpu.name}", len(cards), memory or gpu.memory_bytes, gpu, here=True)


def _this_cpu(ranks: int = 1) -> Machine:
    if ranks > usable_cores():
        raise UsageError(
            say(
                f"--on {ranks}xcpu: 쓸 수 있는 코어가 {usable_cores()}개예요. 프로세스를 그보다 많이 띄울 수는 없어요.",
                f"--on {ranks}xcpu: there are {usable_cores()} cores to use, and no more ranks than that.",
            )
        )
    return Machine("cpu" if ranks == 1 else f"{ranks}xcpu", ranks, host_total() // ranks, None, here=True)


def _local_cards() -> list[tuple[str, int]]:
    """Name and memory of each card that this process may use."""
    found = [
        (name, int(memory) * 2**20 if memory.isdigit() else 0)
        for name, memory in facts_of_cards("name", "memory.total")
    ]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return found[: len(visible.split(","))] if visible else found


def processor_name() -> str:
    """What tells one computer's measurements from another's."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    forced = f", {forced_path()}" if forced_path() else ""
    return f"{model or platform.processor() or platform.machine()}, {usable_cores()}{forced}"


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _unknown(text: str) -> UsageError:
    name = _plain(_NAMED.sub(r"\g<name>", text.strip()))
    hint = did_you_mean(name, _names(), shown=_names().__getitem__)
    listed = ", ".join(["cpu", *known_gpus()])
    return UsageError(
        say(
            f"--on {text}: 알 수 없는 장비예요.{hint} 접속해서 쓰는 장비는 `kullm machines add {text} --ssh 별칭`으로 추가하세요. "
            f"예상만 볼 때는 4xA100-80GB처럼 적어도 돼요. 아는 카드: {listed}",
            f"--on {text}: no such machine is known.{hint} One that you reach by ssh is added with `kullm machines add {text} --ssh ALIAS`; "
            f"an estimate also takes a name like 4xA100-80GB. Cards known: {listed}",
        )
    )
