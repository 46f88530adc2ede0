"""What a supervisor looks out for while the trainer works: numbers that are none, steps that no longer come, a disk that fills."""

from __future__ import annotations

import os
import time

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import row_of
from trainer.jobs.agent.notify import Notifier
from trainer.jobs.agent.record import Record

_DISK_SECONDS = 30.0
_LOW_SHARE, _LOW_BYTES = 0.05, 10 << 30
_BAD_EVENTS = ("step skipped", "gone back")


class Watch:
    def __init__(self, job: JobDirectory, record: Record, notifier: Notifier, stall: float) -> None:
        self.job, self.record, self.notifier, self.stall = job, record, notifier, stall
        self._begun = self._metrics = self._size(job)
        self._grown = time.monotonic()
        self._events = job.events.stat().st_size if job.events.exists() else 0
        self._disk_seen = 0.0
        self._told: set[str] = set()

    @property
    def has_steps(self) -> bool:
        """Of this attempt; an earlier one's lines are in the same file."""
        return self._size(self.job) != self._begun

    def look(self) -> None:
        self._steps()
        self._numbers()
        self._disk()

    def _steps(self) -> None:
        size, now = self._size(self.job), time.monotonic()
        if size != self._metrics:
            self._metrics, self._grown = size, now
            self._told.discard("stalled")
        elif self.stall and now - self._grown > self.stall:
            self._tell("stalled", seconds=round(now - self._grown))

    @staticmethod
    def _size(job: JobDirectory) -> int:
        try:
            return job.metrics.stat().st_size
        except OSError:
            return 0

    def _numbers(self) -> None:
        """The trainer's own notes, as far as they are new and whole."""
        try:
            with self.job.events.open("rb") as file:
                file.seek(self._events)
                data = file.read(1 << 20)
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._events += len(whole)
        for line in whole.splitlines():
            row = row_of(line) or {}
            if row.get("event") in _BAD_EVENTS:
                self._tell("diverging", step=row.get("step"))

    def _disk(self) -> None:
        now = time.monotonic()
        if self._disk_seen and now - self._disk_seen < _DISK_SECONDS:
            return
        self._disk_seen = now
        try:
            disk = os.statvfs(str(self.job.path))
        except OSError:
            return
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        if free < min(_LOW_BYTES, size * _LOW_SHARE):
            self._tell("disk low", free=free)

    def _tell(self, event: str, **facts: object) -> None:
        """Once, until it has passed."""
        if event not in self._told:
            self._told.add(event)
            self.record.note(event, **facts)
            self.notifier.tell(event, facts)
