"""Every process that a test begins ends with it, also when the test fails or is interrupted, and when pytest is killed.

Whatever a test begins inherits its mark in the environment, so it is found wherever it runs: engines, trainers and their ranks
in sessions of their own, tmux's servers, apps in terminals. Marks nest: a process carries those of all who answer for it. The last word has a watchdog, which
sees pytest's end by a pipe that closes: kill -9 leaves nobody else to speak. Processes are ended by their ids, and only those with the mark.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "TESTED_BY"
_PROC = Path("/proc")
_ROUNDS = 3  # in which nobody was found: a child that was just forked has the environment only after its exec
_POLL_SECONDS = 0.02
_SECONDS = 60.0


@contextlib.contextmanager
def ended_with(*, also_when_killed: bool = False) -> Iterator[str]:
    """Everything that is begun within ends at the latest with it. Its mark, as children carry it."""
    owner, before = secrets.token_hex(8), os.environ.get(MARK)
    watchdog = _watchdog(owner) if also_when_killed else None
    os.environ[MARK] = f"{before}:{owner}" if before else owner
    try:
        yield os.environ[MARK]
    finally:
        os.environ.pop(MARK)
        if before:
            os.environ[MARK] = before
        end(owner)
        if watchdog:
            watchdog.communicate()


def begun_by(owner: str) -> list[int]:
    """By their ids. What has ended and waits for its parent is none."""
    return [pid for pid in psutil.pids() if owner in _environment(pid)]


def _environment(pid: int) -> str:
    if _PROC.is_dir():  # five times as fast as psutil, and it is looked at after every test
        with contextlib.suppress(OSError):  # somebody else's, or gone by now
            return (_PROC / str(pid) / "environ").read_bytes().decode(errors="replace")
        return ""
    with contextlib.suppress(psutil.Error):
        return " ".join(psutil.Process(pid).environ().values())
    return ""


def end(owner: str) -> None:
    """Again until there are none: one may have been born meanwhile."""
    deadline = time.monotonic() + _SECONDS
    while found := begun_by(owner):
        assert time.monotonic() < deadline, f"these do not end: {found}"
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _watchdog(owner: str) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that no ctrl-c meant for pytest reaches it; without a mark, so that nobody ends it before its time."""
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    command = [sys.executable, "-P", __file__, owner]
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)


if __name__ == "__main__":
    sys.stdin.read()  # until pytest has ended, in whatever way
    for _ in range(_ROUNDS):
        end(sys.argv[1])
        time.sleep(_POLL_SECONDS)
