"""A job is started exactly once, however often somebody asks: detached on this machine, or handed to Slurm."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from trainer.jobs.agent import slurm
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, private_dir, turn
from trainer.jobs.agent.trainer_process import SECRETS, Launch

_SECONDS = 60.0
_POLL_SECONDS = 0.02


def start(job: JobDirectory) -> dict[str, Any]:
    """`{"started": true}`, or false where that start was asked for before; it is the caller's acknowledgement, and may be lost."""
    launch = document(job.launch)
    with turn(job.path / "start.lock"):
        if _is_done(job, launch):
            return {"started": False}
        job.cancel.unlink() if job.cancel.exists() else None
        if launch.get("slurm"):
            return {"started": True, **slurm.submit(job, launch)}
        job.slurm.unlink() if job.slurm.exists() else None  # of an earlier start: Slurm has no word on this one
        return {"started": _detached(job)}


def _is_done(job: JobDirectory, launch: dict[str, Any]) -> bool:
    wanted = Launch.of(launch).start
    handed_over = launch.get("slurm") and int(document(job.slurm).get("start") or 0) >= wanted
    return bool(handed_over) or _taken(job, wanted)


def _taken(job: JobDirectory, wanted: int) -> bool:
    """The supervisor of that start, or of a later one, has written so. The lock is no sign: one whose last word is written holds it
    as long as it tells others of the end, and who finds a supervisor dead while it clears up after it."""
    return int(document(job.state).get("start") or 0) >= wanted


def _detached(job: JobDirectory) -> bool:
    """Its own session, no terminal, no pipe: it outlives whoever asked. Back when it has taken the job, or has ended without."""
    private_dir(job.supervisor_log.parent)
    with job.supervisor_log.open("ab") as log:
        child = subprocess.Popen(
            supervisor_command(job),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=str(job.path),
            env={name: value for name, value in os.environ.items() if name not in SECRETS},
            start_new_session=True,
        )
    wanted = Launch.of(document(job.launch)).start
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if _taken(job, wanted):
            return True
        time.sleep(_POLL_SECONDS)
    return child.poll() is None or _taken(job, wanted)  # one that waits for the lock still takes it


def supervisor_command(job: JobDirectory) -> list[str]:
    return [sys.executable, "-I", "-S", sys.argv[0], "supervise", str(job.path)]
