"""A training as the list shows it: all that a row says of it and that its keys depend on, read at once and never while drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainer.jobs import dispatch
from trainer.jobs.agent import states
from trainer.jobs.history import Progress
from trainer.jobs.link import Artifacts, Link
from trainer.jobs.overview import standing
from trainer.jobs.registry import KnownJob

_RUNNING = (states.RUNNING, states.STARTING, states.CANCELLING)


@dataclass(frozen=True)
class Seen:
    job: KnownJob
    name: str
    state: Mapping[str, Any]
    state_name: str
    progress: Progress
    link: Link
    artifacts: Artifacts
    saved: tuple[int, ...]  # the steps that it can go on from, the newest first
    is_waiting: bool  # its way to its machine was cut off
    is_complete: bool  # nothing of it is elsewhere that is not here, artifacts aside

    @property
    def id(self) -> str:
        return self.job.id

    @property
    def machine(self) -> str:
        return self.job.machine

    @property
    def called(self) -> str:
        return self.name or self.id

    @property
    def has_ended(self) -> bool:
        return self.state_name in states.TERMINAL

    @property
    def is_live(self) -> bool:
        """A supervisor has it."""
        return self.state_name in states.LIVE

    @property
    def runs(self) -> bool:
        return self.state_name in _RUNNING

    @property
    def is_held(self) -> bool:
        queue = self.state.get("queue")
        return isinstance(queue, Mapping) and queue.get("why") == "held"

    @property
    def can_go_on(self) -> bool:
        """One that is done has nothing left to do; one that was never begun is begun."""
        return not self.is_live and self.state_name != states.SUCCEEDED

    @property
    def has_result(self) -> bool:
        return self.artifacts != "NONE"

    @property
    def is_to_be_followed(self) -> bool:
        """It is elsewhere, its machine has it, and not all of it has come."""
        return bool(self.machine and self.job.place.get("path")) and not self.is_complete

    @property
    def place(self) -> tuple[int, str]:
        """In the list, last first: what runs, what waits, what has ended; each with the newest above."""
        return (2 if self.runs else 1 if not self.has_ended else 0, self.id)


def see(job: KnownJob) -> Seen:
    one = standing(job)
    return Seen(
        job=job,
        name=job.name,
        state=one.state,
        state_name=one.state_name,
        progress=one.progress,
        link=job.link,
        artifacts=job.artifacts,
        saved=tuple(job.checkpoints),
        is_waiting=bool(job.machine) and dispatch.is_waiting(job),
        is_complete=job.is_complete,
    )
