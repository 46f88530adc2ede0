"""What a job's state is, whoever wrote it last: a supervisor that is gone cannot say so, the lock and the processes can.

terminal state             as it is
another incarnation        LOST (reboot): nothing of it can run
the lock is held           as it is
else                       LOST (supervisor), after what is left of the trainer has been stopped

Who only looks does not wait for that: the trainer has had SIGTERM and saves; whoever looks a minute later ends what is left of it.
"""

from __future__ import annotations

import os
import time
from typing import Any

from trainer.jobs.agent import slurm, states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, document, is_locked, publish, rows, try_lock
from trainer.jobs.agent.processes import incarnation, sweep, tagged

_NOTED = {"done": states.SUCCEEDED, "stopped": states.CANCELLED}
_SAVE_SECONDS = 60.0  # a trainer whose supervisor died has had SIGTERM, and saves


def diagnosed(job: JobDirectory, *, waits: bool = True) -> dict[str, Any]:
    """The state, mended where there is proof that it is no longer so."""
    state = document(job.state)
    if states.is_terminal(state):
        return state
    if document(job.slurm):
        return slurm.diagnosed(job, state)
    if not state:
        return _without_supervisor(job) or {"state": states.STAGED if job.spec.exists() else states.STAGING}
    if is_locked(job.lock):
        return state
    if state.get("incarnation") != incarnation():
        return lost(job, "reboot")
    return lost(job, "supervisor", waits=waits)


def _without_supervisor(job: JobDirectory) -> dict[str, Any] | None:
    """A training of a version that had no supervisors yet, and so was never staged: how it ended is in what the trainer noted."""
    noted = list(rows(job.events))
    if (
        not noted
        or any(row.get("event") == "staged" for row in noted)
        or is_locked(job.lock)
        or is_locked(job.trainer_lock)
    ):
        return None
    attempt = job.last_attempt()
    otherwise = states.FAILED if job.error(attempt).exists() else states.LOST
    ended = _NOTED.get(str(noted[-1].get("event")), otherwise)
    state = {"state": ended, "since": noted[-1].get("time"), "attempt": attempt}
    return state | {"reason": "supervisor"} if ended == states.LOST else state


def lost(job: JobDirectory, reason: str, *, waits: bool = True) -> dict[str, Any]:
    """Proof is the lock: while it is ours no supervisor has the job."""
    handle = try_lock(job.lock)
    state = document(job.state)
    if handle is None or states.is_terminal(state):
        return state
    try:
        now = round(time.time(), 3)
        saving = [] if reason == "reboot" else tagged(job.id)
        found = state.pop("found_alone", now)
        grace = found + _SAVE_SECONDS - now if saving else 0.0
        if saving and grace > 0 and not waits:
            publish(job.state, {**state, "found_alone": found})
            return {**state, "state": states.LOST, "reason": reason, "saving": saving}
        left = sweep(job.id, grace=max(0.0, grace)) if saving else []
        state = {
            **state,
            "state": states.LOST,
            "reason": reason,
            "since": now,
            "trainer": None,
            "survivors": left or None,
        }
        append(job.events, {"event": "lost", "time": now, "reason": reason})
        publish(job.state, state)
    finally:
        os.close(handle)
    return state
