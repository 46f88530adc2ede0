"""Processes of a job: which boot they belong to, who they are beyond their number, and their end with proof. Linux's /proc; 3.8."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import time
from pathlib import Path
from typing import Callable

MARK = "KULLM_JOB_ID"
_PROC = Path("/proc")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_START_FIELD = 19  # of /proc/PID/stat behind the name in brackets: when the process began, in ticks since the boot
_PARENT_FIELD = 1
_POLL_SECONDS = 0.05
_KILLED_SECONDS = 3.0


def incarnation(proc: Path = _PROC) -> str:
    """This run of this machine or container: another after a reboot or a restart, and no clock is asked."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        namespace = (proc / "self/ns/pid").stat().st_ino
    except OSError:
        boot, namespace = "", 0
    return f"{boot}/{namespace}/{started(1, proc)}/{socket.gethostname()}"


def started(pid: int, proc: Path = _PROC) -> str:
    """When the process began; with its number it is this process and no later one. Empty where it is gone."""
    return _stat(pid, _START_FIELD, proc)


def parent(pid: int, proc: Path = _PROC) -> int:
    return int(_stat(pid, _PARENT_FIELD, proc) or 0)


def is_alive(pid: int, began: str) -> bool:
    return bool(pid and began) and started(pid) == began


def _stat(pid: int, field: int, proc: Path) -> str:
    if not proc.is_dir():  # macOS: alive or not is all that can be told
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            return "0"
        return ""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if not fields or fields[0] in "ZX" else fields[field]


def tagged(job: str) -> list[int]:
    """Every process that carries the job's mark, whatever session or parent it has by now; not this one."""
    mark = f"{MARK}={job}".encode()
    found = []
    for place in _PROC.glob("[0-9]*/environ"):
        pid = int(place.parent.name)
        with contextlib.suppress(OSError):  # another's, or gone by now
            if pid != os.getpid() and mark in place.read_bytes().split(b"\0") and started(pid):
                found.append(pid)
    return found


def sweep(job: str, *, grace: float) -> list[int]:
    """SIGTERM, and after `grace` SIGKILL, to every process of the job, until there are none; those that are left all the same."""
    deadline = time.monotonic() + grace
    if grace:
        _signal_all(job, signal.SIGTERM)
    while tagged(job) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    deadline = time.monotonic() + _KILLED_SECONDS
    while tagged(job) and time.monotonic() < deadline:  # again: one may have been born meanwhile
        _signal_all(job, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
    return tagged(job)


def _signal_all(job: str, number: int) -> None:
    for pid in tagged(job):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap() -> None:
    """Orphans that came to us as their subreaper. Only where no child is waited for elsewhere: its code would be lost."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def adopt_orphans() -> None:
    """What the trainer's processes leave behind becomes our child instead of init's, and is found."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def ends_with_parent() -> Callable[[], None]:
    """For `preexec_fn`: SIGTERM when the process that begins it dies, however it dies."""
    mine = os.getpid()
    library = _library()  # found now: between fork and exec nothing may be looked up

    def before_exec() -> None:
        if library is not None:
            library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != mine:  # it died in between
            os._exit(1)

    return before_exec


def deaf_to_sigterm() -> None:
    """For `preexec_fn`: what is to go on when all of a job's processes are sent SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def first_to_be_killed(pid: int) -> None:
    """Where memory ends, the kernel takes the trainer before the supervisor or other people's processes."""
    with contextlib.suppress(OSError):
        (_PROC / str(pid) / "oom_score_adj").write_text("500")


def _prctl(option: int, value: int) -> None:
    library = _library()
    if library is not None:
        library.prctl(option, value, 0, 0, 0)


def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        return library if hasattr(library, "prctl") else None
    except OSError:
        return None
