"""The processes that feed trackers: begun where a job begins or is followed, ended by their own number where it is removed. None is waited for."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable

from kullm_tui.core.errors import KullmError
from kullm_tui.core.redact import redacted
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, is_locked, private_dir
from trainer.jobs.agent.processes import MARK, is_alive
from trainer.jobs.agent.trainer_process import SECRETS
from trainer.jobs.trackers.record import tell
from trainer.jobs.trackers.standing import standing_of
from trainer.jobs.trackers.wish import DONE, FAILED, OPENING, WORKING, known_of, wish, wished

_KEYS = {"wandb": "WANDB_API_KEY"}
_END_SECONDS = 5.0
_POLL_SECONDS = 0.05


def go_along(job: JobDirectory, names: Iterable[str] | None = None) -> None:
    """What is wished for the job is fed from now on, where it is not yet; what failed of a start is tried again at the next one.
    Never a reason for a job not to begin: what stands in the way is told among its events."""
    try:
        wish(job, names)
        for name in wished(job):
            if not _is_fed(job, name):
                _begin(job, name)
    except (OSError, KullmError) as error:
        with contextlib.suppress(OSError):
            tell(job, reason=redacted(str(error)))


def begin_anew(job: JobDirectory, name: str) -> "subprocess.Popen[bytes] | None":
    """For whoever asks for it by name: one that hangs is ended first, one that is done looks once more. None where one is at it."""
    if standing_of(job, name).hangs:
        end(job, name)
    if is_locked(job.tracker_lock(name)) and known_of(job, name).get("state") in (OPENING, WORKING):
        return None
    return _begin(job, name)


def end(job: JobDirectory, name: str) -> None:
    """Proven to be the process that wrote the record, not a later one of its number."""
    known = known_of(job, name)
    pid, began = int(known.get("pid") or 0), str(known.get("started") or "")
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not is_alive(pid, began):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        deadline = time.monotonic() + _END_SECONDS
        while is_alive(pid, began) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def end_all(job: JobDirectory) -> None:
    for name in wished(job):
        end(job, name)


def _is_fed(job: JobDirectory, name: str) -> bool:
    known, state = known_of(job, name), document(job.state)
    same = known.get("start") == int(state.get("start") or 1)
    if known.get("state") == FAILED:
        return same
    if known.get("state") == DONE:
        return same and states.is_terminal(state)
    return is_locked(job.tracker_lock(name))


def _begin(job: JobDirectory, name: str) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that no terminal's end reaches it, and without the job's mark, so that it is not swept with the trainer."""
    private_dir(job.trackers)
    kept = _KEYS.get(name) if known_of(job, name).get("online") else None
    environment = {key: value for key, value in os.environ.items() if key == kept or key not in (*SECRETS, MARK)}
    with (job.trackers / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trainer.jobs.trackers", str(job.path), name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=str(job.path),
            env=environment,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # an app that stays open leaves no zombie
    return process
