"""What a process that feeds a tracker writes of itself: how far it is, and how it ended, whatever ended it."""

import os
import time
from types import TracebackType
from typing import Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.redact import redacted
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, publish
from trainer.jobs.agent.processes import started
from trainer.jobs.directory import note
from trainer.jobs.registry import known_in
from trainer.jobs.trackers.wish import DONE, FAILED, OPENING, WAITING, WORKING, known_of

_BEAT_SECONDS = 5.0
_LONGEST = 300


class Record:
    """Within it an error is put down as what the tracker failed of, and goes on to the log."""

    def __init__(self, job: JobDirectory, name: str) -> None:
        self._job, self._name, self._beaten = job, name, 0.0
        pid = os.getpid()
        self._known = {**known_of(job, name), "pid": pid, "started": started(pid), "message": ""}

    @property
    def known(self) -> dict[str, Any]:
        return dict(self._known)

    def __enter__(self) -> "Record":
        self._put(state=OPENING)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None or not self._job.spec.exists():  # a job that was removed has nothing to tell
            return
        message = redacted(_words(error))[:_LONGEST]
        self._put(state=FAILED, message=message, start=int(document(self._job.state).get("start") or 1))
        tell(self._job, of=self._name, reason=message)

    def working(self, rows: int) -> None:
        """That it still works; written when there is something new to say, or some seconds have passed."""
        if self._known["state"] != WORKING or time.monotonic() - self._beaten > _BEAT_SECONDS:
            self._put(state=WORKING, rows=rows)

    def waiting(self, rows: int) -> None:
        self._put(state=WAITING, rows=rows)

    def done(self, rows: int, start: int) -> None:
        self._put(state=DONE, rows=rows, start=start)

    def _put(self, **facts: Any) -> None:
        self._beaten = time.monotonic()
        self._known |= {**facts, "beat": round(time.time(), 3)}
        publish(self._job.tracker(self._name), self._known)


def tell(job: JobDirectory, **facts: Any) -> None:
    """Among the job's events; of a job elsewhere those are its machine's, byte by byte, and the record alone says so."""
    if not known_in(job).machine:
        note(job, "not mirrored", **facts)


def _words(error: BaseException) -> str:
    """Of an error of ours its sentence is enough."""
    text = " ".join(str(error).split())
    return text if isinstance(error, KullmError) else f"{type(error).__name__}: {text}".rstrip(": ")
