"""Trainings elsewhere, followed into their directories here while the app is open: a thread each, and why a machine is not heard.

Nobody is asked anything: a machine whose ssh has a question cannot be reached, and says so with what to do.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.actions import remote_directory, shown
from trainer.jobs.client import JobRefused
from trainer.jobs.mirror import Mirror, waited
from trainer.jobs.reach import Reach
from trainer.jobs.registry import KnownJob, put_down

_MOST = 32  # each is a thread and an ssh; those beyond are followed when one of these has ended
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_ASK_AGAIN_SECONDS = 10.0
_ENDING_SECONDS = 10.0


@dataclass
class Following:
    """One job, until it has ended and all of it is here."""

    job: KnownJob
    reach: Reach
    stopping: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(
        default_factory=threading.Event
    )  # its machine may be back: what waits to try again tries now
    trouble: str = ""  # why its machine says nothing of it
    refused: bool = False  # the trouble is the job's, not the machine's
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"follow {self.job.id}")
        self._thread.start()

    @property
    def active(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def end(self, seconds: float) -> None:
        self.stopping.set()
        if self._thread:
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._follow()
        except OSError:
            if self.job.directory.path.is_dir():
                raise  # else it was removed meanwhile, here or in another window

    def _follow(self) -> None:
        pause = _FIRST_PAUSE
        while not self.stopping.is_set():
            try:
                client = self.reach(self.job.machine)
                job = shown(self.job, client)
                remote = remote_directory(job, client)
            except (KullmError, OSError) as error:
                self.trouble, self.refused = _told(error), isinstance(error, JobRefused)
                if not self.refused:
                    put_down(self.job.directory, unreachable=True)
                waited(self.stopping, self.hurry, pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            self.trouble = ""
            Mirror(job.directory, client.transport, remote, stopping=self.stopping, hurry=self.hurry).follow()
            return


def _told(error: KullmError | OSError) -> str:
    """A job that its machine has lost is said in the job's own row, which has a name already."""
    if isinstance(error, JobRefused) and error.kind == "no such job":
        return say("그 장비에 이 학습이 없어요", "its machine does not have it")
    return str(error)


class Followers:
    """Used from the thread that looks at the jobs."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._all: dict[str, Following] = {}
        self._silent: dict[str, str] = {}  # by machine: why it was not heard when it was asked
        self._asked: dict[str, float] = {}
        self._live: set[str] = set()
        self._left: set[str] = set()  # which nobody may write about now

    def follow(self, jobs: Sequence[KnownJob]) -> None:
        """These, and of the others none any more."""
        wanted = {job.id: job for job in jobs if job.id not in self._left}
        for name, one in list(self._all.items()):
            if name not in wanted:
                one.stopping.set()
            if not one.active:
                del self._all[name]
        for name, job in wanted.items():
            if name not in self._all and len(self._all) < _MOST:
                self._all[name] = Following(job, self._reach)
                self._all[name].begin()
        self._ask_the_silent(jobs)

    @contextlib.contextmanager
    def without(self, job: str) -> Iterator[None]:
        """Nothing of it is written here meanwhile; whoever enters waits for what is being written."""
        self._left.add(job)
        try:
            if following := self._all.get(job):
                following.end(_ENDING_SECONDS)
            yield
        finally:
            self._left.discard(job)

    def hurry(self, machine: str | None = None) -> None:
        """Whoever waits to try again tries now: all of them, or those of a machine that has answered another."""
        if machine is None:
            self._asked.clear()
        for one in list(self._all.values()):
            if machine in (None, one.job.machine):
                one.hurry.set()

    def troubles(self) -> dict[str, str]:
        """By machine, in its own words."""
        own = {one.job.machine: one.trouble for one in self._all.values() if one.trouble and not one.refused}
        return {**self._silent, **own}

    def refusals(self) -> dict[str, str]:
        """By job: what its machine says instead of it."""
        return {name: one.trouble for name, one in self._all.items() if one.trouble and one.refused}

    def close(self, seconds: float) -> None:
        for one in self._all.values():
            one.stopping.set()
        deadline = time.monotonic() + seconds
        for one in self._all.values():
            one.end(max(0.0, deadline - time.monotonic()))

    def _ask_the_silent(self, jobs: Sequence[KnownJob]) -> None:
        """Why, of machines whose way broke while it was followed: the stream that ended does not say it."""
        silent = {job.machine for job in jobs if job.link.state != "LIVE"}
        live = {job.machine for job in jobs if job.link.state == "LIVE"}
        for machine in live - self._live:
            self.hurry(machine)
        self._live = live
        for machine in list(self._silent):
            if machine not in silent:
                del self._silent[machine]
        for machine in silent:
            if time.monotonic() - self._asked.get(machine, -_ASK_AGAIN_SECONDS) >= _ASK_AGAIN_SECONDS:
                self._asked[machine] = time.monotonic()
                threading.Thread(target=self._ask, args=(machine,), daemon=True).start()

    def _ask(self, machine: str) -> None:
        try:
            self._reach(machine).hello()
        except (KullmError, OSError) as error:
            self._silent[machine] = str(error)
        else:
            self._silent.pop(machine, None)
            self.hurry(machine)
