"""The study under way, whichever screen is shown: one at a time, in a thread that runs its stages as `kullm paper` does.

Stopping it, or ending the app, is what ctrl-c is in the shell: the stage at work saves what it has. Where the app is killed, the study is
gone on with as one whose shell was killed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from textual.signal import Signal

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.studies.child import Child
from kullm_tui.studies.running import Moment, StudyStopped, run_study
from kullm_tui.ui.background import apart, begin

if TYPE_CHECKING:
    from textual.app import App

    from kullm_tui.studies.stages import Plan, Stage
    from kullm_tui.ui.background import Fault

State = Literal["running", "stopped", "done", "failed"]
_FIRST = "demo"
_SOON_SECONDS = 30.0
_LAST_WORDS_SECONDS = 20.0  # for the stage that is stopped as the app ends; it goes on saving by itself after that


@dataclass(frozen=True)
class Wishes:
    """What a person chose beside the study's own file, as `kullm paper` takes it."""

    machine: str = ""
    judges: tuple[str, ...] = ()


@dataclass
class Running:
    """One study, as far as it is."""

    name: str  # as `load_study` takes it
    plan: Plan
    child: Child = field(default_factory=Child)
    moments: dict[str, Moment] = field(default_factory=dict)  # the last of each stage, by its id
    at: Stage | None = None
    waits_for: str = ""
    state: State = "running"
    error: str = ""
    began: float = field(default_factory=time.monotonic)
    thread_ended: threading.Event = field(default_factory=threading.Event)

    @property
    def active(self) -> bool:
        return self.state == "running"

    @property
    def is_stopping(self) -> bool:
        return self.active and self.child.is_stopped

    @property
    def was_long(self) -> bool:
        return time.monotonic() - self.began > _SOON_SECONDS

    def take(self, moment: Moment) -> None:
        stage, before = moment.stage, self.moments.get(moment.stage.id)
        if moment.standing in ("failed", "stopped") and before and not moment.words:
            moment = replace(moment, words=before.words)
        self.moments[stage.id] = moment
        self.at, self.waits_for = stage, ""

    def conduct(self, told: Callable[[Moment], None], waiting: Callable[[str], None]) -> None:
        """In a thread of its own, to the end."""
        try:
            run_study(self.plan, told=told, waiting=waiting, child=self.child)
        finally:
            self.thread_ended.set()


class Studies:
    """Used on the app's event loop; what runs in the thread posts into it."""

    def __init__(self, app: App[int], ended: Callable[[Running], None]) -> None:
        self.changed: Signal[None] = Signal(app, "studies-changed")
        self.last: Running | None = None
        self.shown = _FIRST  # which one was looked at last, as `load_study` takes it
        self.opened: list[str] = []  # files of one's own that were looked at
        self.wishes: dict[str, Wishes] = {}
        self._app, self._ended = app, ended

    @property
    def active(self) -> Running | None:
        return self.last if self.last and self.last.active else None

    def of(self, name: str) -> Running | None:
        return self.last if self.last and self.last.name == name else None

    def start(self, name: str, plan: Plan) -> None:
        """KullmError where one is under way."""
        if self.active:
            other = self.active.plan.study.name
            raise KullmError(
                say(
                    f"{other} 연구가 돌고 있어요. 끝나거나 멈춘 다음에 시작해 주세요.",
                    f"The study {other} is at work. Begin when it is done or stopped.",
                )
            )
        running = self.last = Running(name, plan)
        begin(self._app, partial(self._carry_out, running), partial(self._failed, running), group="studies")

    def stop(self) -> None:
        """As ctrl-c in the shell; once more is meant once more."""
        if self.active:
            self.active.child.stop()
            self.changed.publish(None)

    async def close(self) -> None:
        """The app ends: the stage at work is asked to stop, and its last words are waited for."""
        if self.active:
            self.active.child.stop()
            await asyncio.to_thread(self.active.thread_ended.wait, _LAST_WORDS_SECONDS)

    async def _carry_out(self, running: Running) -> None:
        loop = asyncio.get_running_loop()

        def told(moment: Moment) -> None:
            _post(loop, self._take, running, moment)

        def waiting(words: str) -> None:
            _post(loop, self._wait, running, words)

        try:
            await apart(partial(running.conduct, told, waiting))
        except StudyStopped:
            running.state = "stopped"
        else:
            running.state = "done"
        self._end(running)

    def _take(self, running: Running, moment: Moment) -> None:
        running.take(moment)
        self.changed.publish(None)

    def _wait(self, running: Running, words: str) -> None:
        running.waits_for = words
        self.changed.publish(None)

    def _failed(self, running: Running, fault: Fault) -> None:
        running.state, running.error = "failed", str(fault)
        self._end(running)

    def _end(self, running: Running) -> None:
        self.changed.publish(None)
        self._ended(running)


def _post(loop: asyncio.AbstractEventLoop, work: Callable[..., None], *told: object) -> None:
    """What the study says after the app has ended is for nobody; the study itself must not break on it."""
    try:
        loop.call_soon_threadsafe(partial(work, *told))
    except RuntimeError:
        return
