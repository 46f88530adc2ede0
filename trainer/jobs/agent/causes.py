"""Why an attempt ended: a reason in one word for programs, the trainer's own words beside it, and whether trying again may help."""

from __future__ import annotations

import errno
import os
import re
import signal
from dataclasses import dataclass
from typing import Any

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document

STOPPED = 130  # the trainer's code for: asked to stop, and saved
_FULL_BYTES = 1 << 20
_LAST_BYTES = 64 << 10
_KILLED_RANK = re.compile(r"^\s*exitcode\s*: -9\b", re.MULTILINE)  # in torchrun's summary
# Of the machine and not of the recipe: another try may succeed. Memory, data and code are not among them.
_OF_THE_MACHINE = (
    "nccl",
    "distbackenderror",
    "uncorrectable",
    "ecc error",
    "unspecified launch failure",
    "cuda error: unknown error",
    "cuda error: device-side",
    "gpu is lost",
    "connection reset",
    "connectionerror",
    "rendezvous",
)


@dataclass(frozen=True)
class Cause:
    """`reason`: exit, signal, full, diverged, memory, machine, terminated."""

    reason: str
    code: int
    message: str = ""

    @property
    def may_pass(self) -> bool:
        return self.reason == "machine"

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"reason": self.reason, "rc": self.code, "message": self.message}
        if self.code < 0:
            facts["signal"] = signal_name(-self.code)
        return facts


def cause(job: JobDirectory, attempt: int, code: int) -> Cause:
    """Of a rank that was killed torchrun has the word; the others' words are of a peer that was gone all at once."""
    if code > 0 and _KILLED_RANK.search(tail(job, attempt)):
        code = -signal.SIGKILL
    return _cause(job, attempt, code)


def _cause(job: JobDirectory, attempt: int, code: int) -> Cause:
    told = document(job.error(attempt))
    kind, message = str(told.get("kind") or ""), _sentence(told.get("message"))
    words = "" if code == -signal.SIGKILL else message or last_line(job, attempt)
    return Cause(_reason(job, kind, words, code), code, words)


def _reason(job: JobDirectory, kind: str, words: str, code: int) -> str:
    signs = f"{kind} {words}".lower()
    for reason, holds in (
        ("full", is_full(job) or kind == "NoSpace" or "no space left on device" in signs),
        ("terminated", code in (STOPPED, -signal.SIGTERM)),
        ("signal", code == -signal.SIGKILL),
        ("machine", code == -signal.SIGBUS or any(sign in signs for sign in _OF_THE_MACHINE)),
        ("diverged", kind == "Diverged"),
        ("memory", kind in ("OutOfMemoryError", "MemoryError", "TooLarge")),
        ("signal", code < 0 or "sigkill" in signs),
    ):
        if holds:
            return reason
    return "exit"


def is_no_space(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_full(job: JobDirectory) -> bool:
    try:
        disk = os.statvfs(str(job.path))
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _FULL_BYTES


def last_line(job: JobDirectory, attempt: int) -> str:
    lines = tail(job, attempt).strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""


def tail(job: JobDirectory, attempt: int) -> str:
    """The end of the attempt's log, of whatever length it is."""
    try:
        with job.log(attempt).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _sentence(told: Any) -> str:
    """torchrun writes an object where the trainer writes a string."""
    if isinstance(told, dict):
        told = told.get("message")
    return told if isinstance(told, str) else ""


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
