"""This machine's processor, memory, swap and network as Linux tells them in /proc. Elsewhere: nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_IDLE = (3, 4)  # of the first line of /proc/stat: idle, and waiting for a disk
_RECEIVED, _SENT = 0, 8  # of a line of /proc/net/dev
_KIB_PER_MIB = 1024


@dataclass(frozen=True)
class _Counts:
    moment: float
    worked: int
    passed: int
    received: int
    sent: int


class Host:
    """What only counts up is told as what it was since the moment before: the first has none of it."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._before: _Counts | None = None

    def moment(self) -> dict[str, Any]:
        try:
            now, memory = self._counts(), self._memory()
        except (OSError, ValueError, KeyError, IndexError):
            return {}
        before, self._before = self._before, now
        return {**memory, **(_between(before, now) if before else {})}

    def _counts(self) -> _Counts:
        jiffies = [int(field) for field in (self._proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        passed = sum(jiffies)
        received = sent = 0
        for line in (self._proc / "net" / "dev").read_text().splitlines()[2:]:
            name, _, told = line.partition(":")
            if name.strip() != "lo":
                fields = told.split()
                received, sent = received + int(fields[_RECEIVED]), sent + int(fields[_SENT])
        return _Counts(time.monotonic(), passed - sum(jiffies[place] for place in _IDLE), passed, received, sent)

    def _memory(self) -> dict[str, int]:
        lines = (line.partition(":") for line in (self._proc / "meminfo").read_text().splitlines())
        kib = {name: int(told.split()[0]) for name, _, told in lines}
        return {
            "mib": (kib["MemTotal"] - kib["MemAvailable"]) // _KIB_PER_MIB,
            "of": kib["MemTotal"] // _KIB_PER_MIB,
            "swap": (kib["SwapTotal"] - kib["SwapFree"]) // _KIB_PER_MIB,
        }


def _between(before: _Counts, now: _Counts) -> dict[str, Any]:
    passed, seconds = now.passed - before.passed, now.moment - before.moment
    found: dict[str, Any] = {"use": round(100 * (now.worked - before.worked) / passed)} if passed > 0 else {}
    if seconds > 0:
        found["in"] = max(0, round((now.received - before.received) / seconds))
        found["out"] = max(0, round((now.sent - before.sent) / seconds))
    return found
