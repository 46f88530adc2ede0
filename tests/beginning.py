"""Tests that begin everything a test here can begin, and do not end it. Only tests/test_processes.py runs them, in a pytest of their own."""

import json
import os
import time
from pathlib import Path

import pytest

from kullm_tui.core.endpoints.local_engine import ensure_engine
from tests.kullm_command import Terminal, start
from tests.processes import begun_by
from tests.tmux import Tmux

HOME = "BEGINNING_HOME"  # where the recipe lies, and where the ids are told
PIDS = "pids.json"
RANKS = 2
_SECONDS = 200.0


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(os.environ[HOME])
    monkeypatch.setenv("KULLM_HOME", str(home))
    pids = {"engine": ensure_engine().pid}
    pids["command"] = start(home, "train", "long.toml", "--on", f"{RANKS}xcpu").pid
    pids["app in a terminal"] = Terminal(home)._pid
    tmux = Tmux(home).__enter__()
    tmux.runs()
    tmux.shows("구름")
    pids["app in tmux"] = tmux.pid()
    deadline = time.monotonic() + _SECONDS
    while len(trainers := _trainers(home)) < 1 + RANKS:
        assert time.monotonic() < deadline, trainers
        time.sleep(0.1)
    pids |= {f"trainer {number}": pid for number, pid in enumerate(trainers)}
    draft = home / "pids.draft"
    draft.write_text(json.dumps(pids))
    draft.rename(home / PIDS)


def _trainers(home: Path) -> list[int]:
    """torchrun and its ranks: they carry the name of their run."""
    return [pid for run in home.glob("jobs/*") for pid in begun_by(f"KULLM_JOB_ID={run.name}")]


@pytest.mark.usefixtures("begun")
def test_that_fails() -> None:
    raise AssertionError("as it should")


@pytest.mark.usefixtures("begun")
def test_that_never_ends() -> None:
    while True:
        time.sleep(1)
