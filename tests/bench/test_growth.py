"""How cost grows: the exponent of what was measured, and the history's benches over a few conversations."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

_BENCH = Path(__file__).parents[2] / "bench"


def test_an_exponent_is_that_of_the_law_that_made_the_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(_BENCH))
    curve = import_module("growth").Curve("decode", "a token", "tokens of context", 1)
    for at in (32, 128, 512, 2048):
        for noise in (0.5, 1, 40):  # the median is what counts
            curve.add(at, noise * 0.001 * at**1.5)
    assert curve.exponent == pytest.approx(1.5)
    assert curve.row().met is False


def test_the_growth_of_the_history_is_measured_and_drawn(tmp_path: Path) -> None:
    facts = _left_by(
        "growth", tmp_path, "--only", "history", "--most", "1000", "--repeat", "1", "--figures", str(tmp_path)
    )
    assert {tuple(row["raw"]["seconds"]) for row in facts["rows"]} == {("100", "1000")}
    drawn = (tmp_path / "growth-history.svg").read_text(encoding="utf-8")
    assert all(name in drawn for name in ("the newest 50 listed", "a common word", "conversations", "1,000"))


def test_the_bench_of_the_history_runs_to_its_end(tmp_path: Path) -> None:
    facts = _left_by("history", tmp_path, "--conversations", "20", "--repeat", "1")
    assert facts["rows"][-1]["promise"] == "rescued from a damaged file"


def _left_by(name: str, folder: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-P", str(_BENCH / f"{name}.py"), "--out", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(next(folder.glob(f"{name}-*.json")).read_text(encoding="utf-8"))
    return facts
