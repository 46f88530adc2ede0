"""The trainings of all machines as the app knows them, whichever screen is shown: looked at in threads, and what ended is told once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

from textual.signal import Signal

from kullm_tui.ui.background import apart, begin, fault_of
from kullm_tui.ui.train.followers import Followers
from kullm_tui.ui.train.seen import Seen, see
from trainer.jobs.reach import Reach, client_of
from trainer.jobs.registry import KnownJob, known_jobs

if TYPE_CHECKING:
    from textual.app import App

_WATCHED_SECONDS, _LIVE_SECONDS, _QUIET_SECONDS = 1.0, 2.0, 5.0
_CLOSING_SECONDS = 3.0

Stamp = tuple[int, ...]


class Trainings:
    """Used on the app's event loop, but for `_look`."""

    def __init__(self, app: App[int], ended: Callable[[Seen], None], reach: Reach = client_of) -> None:
        self.changed: Signal[None] = Signal(app, "trainings-changed")
        self.jobs: tuple[Seen, ...] = ()  # what runs first, then what waits, then what has ended
        self.troubles: Mapping[str, str] = {}  # by machine
        self.refusals: Mapping[str, str] = {}  # by job
        self.fault = ""  # why they could not be looked at
        self.is_known = False  # they were looked at
        self.watched = False  # a screen shows them
        self._app, self._ended = app, ended
        self._begun = False
        self._followers = Followers(reach)
        self._known: dict[str, tuple[Stamp, Seen]] = {}  # those that have ended, as long as their files are the same
        self._due = asyncio.Event()

    def of(self, job: str) -> Seen | None:
        return next((one for one in self.jobs if one.id == job), None)

    def look_again(self) -> None:
        """At once, also at machines that were not heard."""
        self._followers.hurry()
        self._due.set()

    def begin(self) -> None:
        """Once, by whoever wants to know of them first."""
        if not self._begun:
            self._begun = True
            begin(self._app, self._watch, lambda _: None, group="trainings")

    async def _watch(self) -> None:
        """For as long as the app is open; what goes wrong in one look is said and the next one comes all the same."""
        while True:
            self._due.clear()
            fault = await fault_of(self._turn())
            if str(fault or "") != self.fault:
                self.fault = str(fault or "")
                self.changed.publish(None)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._pause())

    def _pause(self) -> float:
        if self.watched:
            return _WATCHED_SECONDS
        return _LIVE_SECONDS if any(not one.has_ended for one in self.jobs) else _QUIET_SECONDS

    async def _turn(self) -> None:
        jobs = await apart(self._look)
        before, known = {one.id: one for one in self.jobs}, self.is_known
        now = (self._followers.troubles(), self._followers.refusals())
        is_news = (jobs, *now) != (self.jobs, self.troubles, self.refusals) or not known
        self.jobs, (self.troubles, self.refusals), self.is_known = jobs, now, True
        if is_news:
            self.changed.publish(None)
        for one in jobs:
            if one.has_ended and one.id in before and not before[one.id].has_ended:
                self._ended(one)

    def _look(self) -> tuple[Seen, ...]:
        seen = [self._see(job) for job in known_jobs()]
        self._known = {name: known for name, known in self._known.items() if name in {one.id for one in seen}}
        self._followers.follow([one.job for one in seen if one.is_to_be_followed])
        return tuple(sorted(seen, key=lambda one: one.place, reverse=True))

    def _see(self, job: KnownJob) -> Seen:
        stamp = _stamp(job)
        known = self._known.get(job.id)
        if known and known[0] == stamp:
            return known[1]
        seen = see(job)
        if seen.has_ended:
            self._known[job.id] = stamp, seen
            _keep(job)
        return seen

    @contextlib.asynccontextmanager
    async def without(self, job: str) -> AsyncIterator[None]:
        """While its directory is removed."""
        with contextlib.ExitStack() as left:
            await apart(lambda: left.enter_context(self._followers.without(job)))
            yield

    async def close(self) -> None:
        await apart(lambda: self._followers.close(_CLOSING_SECONDS))


def _keep(job: KnownJob) -> None:
    """What it made has a name in every list from then on."""
    if not job.machine:
        from trainer.jobs.keep import keep_finished

        keep_finished([job])


def _stamp(job: KnownJob) -> Stamp:
    """What changes when anything of a job that has ended does."""
    files = (job.directory.state, job.directory.path / "job.json", job.directory.spec, job.directory.manifest)
    stamps: list[int] = []
    for file in files:
        try:
            facts = file.stat()
        except OSError:
            stamps.append(0)
        else:
            stamps += [facts.st_mtime_ns, facts.st_ino]
    return tuple(stamps)
