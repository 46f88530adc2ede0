"""What a test began is gone when it has ended, in whatever way it ends: an engine, torchrun and its ranks, apps in a terminal and in tmux."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests import beginning
from tests.training import base as base
from tests.training import home as home

_SECONDS = 280.0

pytestmark = pytest.mark.timeout(900)


def _pytest(home: Path, test: str, *options: str) -> "subprocess.Popen[bytes]":
    """As a person starts it, from a shell whose ctrl-c reaches the whole group."""
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "-q", "--durations=0"]
    command += [f"--basetemp={home / 'tmp'}", *options, f"{beginning.__file__}::{test}"]
    environment = {**os.environ, beginning.HOME: str(home)}
    with (home / "pytest.txt").open("wb") as output:
        return subprocess.Popen(
            command, cwd=Path(__file__).parents[1], env=environment, stdout=output, stderr=output, process_group=0
        )


def _pids(home: Path, child: "subprocess.Popen[bytes]") -> dict[str, int]:
    """Once all of it has begun."""
    told, deadline = home / beginning.PIDS, time.monotonic() + _SECONDS
    while not told.exists():
        assert time.monotonic() < deadline
        assert child.poll() is None or told.exists(), (home / "pytest.txt").read_text()
        time.sleep(0.1)
    pids: dict[str, int] = json.loads(told.read_text())
    assert len(pids) == 5 + beginning.RANKS
    return pids


def _living(pids: dict[str, int]) -> list[str]:
    return [name for name, pid in pids.items() if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_test_that_fails_leaves_nothing_behind(home: Path) -> None:
    child = _pytest(home, "test_that_fails")
    pids = _pids(home, child)
    assert child.wait(_SECONDS) == pytest.ExitCode.TESTS_FAILED
    assert _living(pids) == []


def test_a_test_that_takes_too_long_leaves_nothing_behind(home: Path) -> None:
    child = _pytest(home, "test_that_never_ends", "--timeout=2", "-o", "timeout_func_only=true")
    _ends_with_nothing_left(child, _pids(home, child))


# SIGTERM, which pytest does not catch, ends it as SIGKILL does.
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_pytest_that_is_interrupted_or_killed_leaves_nothing_behind(home: Path, ending: signal.Signals) -> None:
    child = _pytest(home, "test_that_never_ends")
    pids = _pids(home, child)
    assert sorted(_living(pids)) == sorted(pids)
    if ending is signal.SIGINT:
        os.killpg(child.pid, ending)
    else:
        child.send_signal(ending)
    _ends_with_nothing_left(child, pids)


def _ends_with_nothing_left(child: "subprocess.Popen[bytes]", pids: dict[str, int]) -> None:
    assert child.wait(_SECONDS) != 0
    deadline = time.monotonic() + _SECONDS
    while _living(pids):  # pytest is gone, and nobody is left to wait for the watchdog
        assert time.monotonic() < deadline, _living(pids)
        time.sleep(0.02)
