"""What a bench leaves behind: a JSON file with everything measured, and a table on the terminal."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kullm_tui.core.processor import processor

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Row:
    """One promise: a ratio against its goal, and the repetitions that it came from."""

    promise: str
    found: str
    ratio: float | None
    goal: str
    met: bool | None  # None: there is no goal, or it was not measured
    raw: dict[str, Any] = field(default_factory=dict)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


class Report:
    """Written anew after every measurement: a run that is cut off leaves what it found."""

    def __init__(self, name: str, settings: dict[str, Any], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
        self._facts: dict[str, Any] = {"machine": machine(), "settings": settings}
        self._rows: list[Row] = []

    def tell(self, **facts: Any) -> None:
        """What else the file is to hold."""
        self._facts |= facts
        self._write()

    def add(self, rows: Sequence[Row]) -> None:
        self._rows += rows
        self._write()
        for row in rows:
            sys.stderr.write("  ".join(_cells(row)).rstrip() + "\n")

    def _write(self) -> None:
        facts = {**self._facts, "rows": [asdict(row) for row in self._rows]}
        self._file.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n")

    def finish(self) -> None:
        _print_table([("", "found", "ratio", "goal", ""), *map(_cells, self._rows)])
        sys.stdout.write(f"\n{self._file}\n")


def machine() -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=_ROOT, capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "status", "--short"], cwd=_ROOT, capture_output=True, text=True, check=False)
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return {
        "commit": commit.stdout.strip(),
        "uncommitted_changes": bool(changed.stdout.strip()),
        "cpu": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "path": processor().level + ("" if processor().compiler else ", no compiler"),
        "instructions": sorted({"avx2", "avx512_bf16", "amx_bf16"} & set(flags)),
        "python": platform.python_version(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _cells(row: Row) -> tuple[str, ...]:
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    return row.promise, row.found, "" if row.ratio is None else f"{row.ratio:.2f}", row.goal, verdict


def _print_table(lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(_cells_wide, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text + " " * (width - _cells_wide(text)) for text, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _cells_wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
