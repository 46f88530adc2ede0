"""How much memory models could take on this machine, asked of the system without torch."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_MEMINFO = Path("/proc/meminfo")
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_QUERY_SECONDS = 10


@dataclass(frozen=True)
class Memory:
    """Bytes of the device that the engine would choose; `free` is None where the system does not say."""

    device: Literal["cpu", "gpu"]
    total: int
    free: int | None


def memory_here(device: str = "auto") -> Memory:
    """Of the first GPU where there is one and the engine's `device` allows it, else of the machine."""
    card = _first_card() if device != "cpu" else None
    return card or Memory("cpu", host_total(), free_host_memory())


def free_host_memory() -> int | None:
    """What programs could still take, caches given back; None where the system does not say."""
    try:
        lines = _MEMINFO.read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def host_total() -> int:
    """The computer's, or the container's where that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            memory = min(memory, int(path.read_text()))
        except (OSError, ValueError):  # no such limit: no file, or "max"
            continue
    return memory


def _first_card() -> Memory | None:
    try:
        total, free = facts_of_cards("memory.total", "memory.free")[0]
        return Memory("gpu", int(total) * 2**20, int(free) * 2**20)
    except (ValueError, IndexError):
        return None


def facts_of_cards(*facts: str) -> list[list[str]]:
    """What nvidia-smi says of each card; none without it, where CUDA is hidden, or where it does not answer."""
    command = shutil.which("nvidia-smi")
    if command is None or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return []
    query = [command, f"--query-gpu={','.join(facts)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=_QUERY_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    found = [[cell.strip() for cell in line.rsplit(",", len(facts) - 1)] for line in done.stdout.splitlines()]
    return [row for row in found if len(row) == len(facts)]
