"""What the supervisor writes of a job: its state, its events, its heartbeat; on a full disk the reserve is given up for the last word."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import Any, Callable

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, document, overwrite, publish
from trainer.jobs.agent.processes import incarnation, started

_RESERVE_BYTES = 64 << 10


class Record:
    def __init__(self, job: JobDirectory) -> None:
        self.job = job
        self.state: dict[str, Any] = document(job.state)
        self._reserve()

    def begin(self, start: int) -> None:
        me = os.getpid()
        self.state = {
            "start": start,
            "attempt": self.job.last_attempt(),
            "supervisor": {"pid": me, "started": started(me)},
            "incarnation": incarnation(),
        }

    def turn(self, state: str, **facts: Any) -> None:
        """From one state to the next: an event, and the document that all others read."""
        self.state = {**self.state, "state": state, **facts, "since": round(time.time(), 3)}
        self._write(lambda: append(self.job.events, {"event": state.lower(), "time": round(time.time(), 3), **facts}))
        self.publish()

    def mention(self, **facts: Any) -> None:
        """Within a state: why it waits, what it waits for. Written only where it changed."""
        if any(self.state.get(name) != value for name, value in facts.items()):
            self.state = {**self.state, **facts}
            self.publish()

    def note(self, event: str, **facts: Any) -> None:
        self._write(lambda: append(self.job.events, {"event": event, "time": round(time.time(), 3), **facts}))

    def publish(self) -> None:
        self._write(lambda: publish(self.job.state, self.state), lambda: overwrite(self.job.state, self.state))

    def beat(self) -> None:
        with contextlib.suppress(OSError):
            self.job.heartbeat.write_text(str(time.monotonic_ns()))

    def _write(self, *ways: Callable[[], None]) -> None:
        """The first again without the reserve, then the next. Where there is no room for any, a reader finds the supervisor gone."""
        try:
            ways[0]()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            with contextlib.suppress(OSError):
                self.job.reserve.unlink()
            for way in ways:
                with contextlib.suppress(OSError):
                    return way()
        return None

    def _reserve(self) -> None:
        """Real blocks: a hole would promise what the disk does not have."""
        if not self.job.reserve.exists():
            with contextlib.suppress(OSError):
                self.job.reserve.write_bytes(os.urandom(_RESERVE_BYTES))
