"""The cards of this machine as nvidia-smi tells them: use, memory, power, temperature, and who else is on them. Without it: none."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainer.jobs.agent.processes import ends_with_parent

_CARDS = "index,uuid,name,memory.total,memory.used,utilization.gpu,power.draw,temperature.gpu,driver_version,fan.speed,clocks.sm"
_APPS = "gpu_uuid,pid,used_memory"
_SECONDS = 20.0
_KILLED_SECONDS = 1.0


@dataclass(frozen=True)
class Occupant:
    pid: int
    owner: str  # empty: a process of another container, which cannot be seen from here
    mib: int


@dataclass(frozen=True)
class Card:
    index: int
    uuid: str
    name: str
    total_mib: int
    used_mib: int
    use: int | None
    watts: float | None
    celsius: int | None
    driver: str
    fan: int | None = None  # percent
    mhz: int | None = None
    occupants: tuple[Occupant, ...] = ()

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def cards() -> list[Card]:
    """None where there is no nvidia-smi, or where it fails or hangs."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    listed = _lines(command, "--query-gpu=" + _CARDS)
    occupants = _occupants(_lines(command, "--query-compute-apps=" + _APPS)) if listed else {}
    return [card for card in (_card(line, occupants) for line in listed) if card is not None]


def _lines(command: str, query: str) -> list[list[str]]:
    try:
        child = subprocess.Popen(
            [command, query, "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=ends_with_parent(),
        )
    except OSError:
        return []
    text = _output(child).decode("utf-8", "replace")
    return [[field.strip() for field in line.split(",")] for line in text.splitlines() if line.strip()]


def _output(child: subprocess.Popen[bytes]) -> bytes:
    """Empty where it failed or did not end. One that hangs in the driver does not end by SIGKILL either, and is left."""
    try:
        output, _ = child.communicate(timeout=_SECONDS)
        return output if child.returncode == 0 else b""
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=_KILLED_SECONDS)
        return b""


def _card(fields: list[str], occupants: dict[str, list[Occupant]]) -> Card | None:
    if len(fields) != len(_CARDS.split(",")) or not fields[0].isdigit():
        return None
    index, uuid, name, total, used, use, power, heat, driver, fan, mhz = fields
    return Card(
        index=int(index),
        uuid=uuid,
        name=name,
        total_mib=int(_number(total) or 0),
        used_mib=int(_number(used) or 0),
        use=_whole(use),
        watts=_number(power),
        celsius=_whole(heat),
        driver=driver,
        fan=_whole(fan),
        mhz=_whole(mhz),
        occupants=tuple(occupants.get(uuid, ())),
    )


def _occupants(lines: list[list[str]]) -> dict[str, list[Occupant]]:
    found: dict[str, list[Occupant]] = {}
    for fields in lines:
        if len(fields) == 3 and fields[1].isdigit():
            uuid, pid, memory = fields
            found.setdefault(uuid, []).append(Occupant(int(pid), _owner(int(pid)), int(_number(memory) or 0)))
    return found


def _owner(pid: int) -> str:
    try:
        number = (Path("/proc") / str(pid)).stat().st_uid
    except OSError:
        return ""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _number(text: str) -> float | None:
    """None for `[N/A]` and its like."""
    try:
        return float(text)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(number)
