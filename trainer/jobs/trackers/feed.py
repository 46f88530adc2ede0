"""One job fed to one tracker, to its end: a process of its own, which the job knows nothing of and gives way to.

It looks at the job's directory once a second. One that begins again goes on behind what the tracker has, or makes it anew.
"""

import os
import time

from kullm_tui.core.extras import require_tracker
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, try_lock
from trainer.jobs.registry import known_in
from trainer.jobs.trackers import Writer
from trainer.jobs.trackers.record import Record
from trainer.jobs.trackers.texts import parameters_of
from trainer.jobs.trackers.updates import Updates

_LOOK_SECONDS = 1.0
_LOCK_SECONDS = 60.0
_UNFOLLOWED_SECONDS = 3600.0  # nobody follows that job elsewhere; who does next begins this again
_NICENESS = 10  # with more, an import beside a training that takes all cores lasts minutes
_NOT_MINE = 75


def feed(job: JobDirectory, name: str) -> int:
    """Its exit code: 0, or 75 where another process feeds it."""
    os.nice(_NICENESS)
    lock = _lock(job, name)
    if lock is None:
        return _NOT_MINE
    try:
        with Record(job, name) as record:
            while not _to_the_end(job, name, record):
                pass
    finally:
        os.close(lock)
    return 0


def _lock(job: JobDirectory, name: str) -> int | None:
    """One that has just put down that it is done is waited for."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        lock = try_lock(job.tracker_lock(name))
        if lock is not None or time.monotonic() > deadline:
            return lock
        time.sleep(_LOOK_SECONDS)


def _to_the_end(job: JobDirectory, name: str, record: Record) -> bool:
    """False where the job was resumed just as this had done with it."""
    writer, updates = _opened(job, name, record), Updates(job)
    record.working(0)
    grown, rows = time.monotonic(), 0
    while job.spec.exists():
        ended = _ended_start(job)  # looked at first: rows that come after it are of another start
        _give(writer, updates, record)
        if ended:
            writer.close()
            record.done(updates.number, ended)
            return _ended_start(job) == ended
        if updates.number > rows:
            grown, rows = time.monotonic(), updates.number
        if known_in(job).machine and time.monotonic() - grown > _UNFOLLOWED_SECONDS:
            writer.close()
            record.waiting(updates.number)
            return True
        time.sleep(_LOOK_SECONDS)
    return True


def _give(writer: Writer, updates: Updates, record: Record) -> None:
    for update in updates.new():
        if update.number > writer.rows:
            writer.write(update)
        record.working(update.number)
    writer.flush()
    record.working(updates.number)


def _ended_start(job: JobDirectory) -> int:
    """The start after whose end all rows are here; 0 for a job that goes on."""
    state = document(job.state)
    return int(state.get("start") or 1) if states.is_terminal(state) and known_in(job).is_complete else 0


def _opened(job: JobDirectory, name: str, record: Record) -> Writer:
    """What it needs is imported here and nowhere else."""
    spec, known = document(job.spec), record.known
    parameters, to = parameters_of(spec), str(known.get("to"))
    if name == "tensorboard":
        from trainer.jobs.trackers.to_tensorboard import TensorBoardWriter

        return TensorBoardWriter(to, job.id, spec, parameters)
    require_tracker(name)
    if name == "trackio":
        from trainer.jobs.trackers.to_trackio import TrackioWriter

        return TrackioWriter(to, job.id, spec, parameters)
    from trainer.jobs.trackers.to_wandb import WandbWriter

    return WandbWriter(to, job.trackers / "wandb", job.id, spec, parameters, online=bool(known.get("online")))
