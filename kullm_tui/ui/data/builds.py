"""The build under way, whichever screen is shown: one at a time, in a process beside it, watched by its steps and stopped without loss."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.signal import Signal

from data.builder.progress import BuildStopped, Progress
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.ui.background import apart, begin

if TYPE_CHECKING:
    from textual.app import App

    from data.priced import Price
    from kullm_tui.ui.background import Fault

_SOON_SECONDS = 30.0
Agree = Callable[["Price"], Awaitable[bool]]


@dataclass
class Building:
    """One build, as far as it is."""

    name: str
    steps: dict[tuple[str, str], Progress] = field(
        default_factory=dict
    )  # by step and source, in the order in which they began
    stop: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    error: str = ""
    stopped: bool = False

    @property
    def active(self) -> bool:
        return self.ended is None

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.began

    @property
    def was_long(self) -> bool:
        return self.seconds > _SOON_SECONDS


class Builds:
    """Used on the app's event loop; what runs in the thread posts into it."""

    def __init__(self, app: App[int], ended: Callable[[Building], None]) -> None:
        self.changed: Signal[None] = Signal(app, "builds-changed")
        self.last: Building | None = None
        self._app, self._ended = app, ended

    @property
    def active(self) -> Building | None:
        return self.last if self.last and self.last.active else None

    def of(self, name: str) -> Building | None:
        return self.last if self.last and self.last.name == name else None

    def start(self, name: str, agree: Agree) -> None:
        """KullmError where one is under way. `agree` is asked before anything is sent that costs."""
        if self.active:
            raise KullmError(
                say(
                    f"{self.active.name} 혼합을 만드는 중이에요. 끝나거나 멈춘 다음에 시작해 주세요.",
                    f"{self.active.name} is being built. Begin when it is done or stopped.",
                )
            )
        building = self.last = Building(name)
        begin(
            self._app, lambda: self._build(building, agree), lambda fault: self._failed(building, fault), group="builds"
        )

    def close(self) -> None:
        if self.active:
            self.active.stop.set()

    async def _build(self, building: Building, agree: Agree) -> None:
        from data.apart import make_apart

        loop = asyncio.get_running_loop()

        def told(progress: Progress) -> None:
            loop.call_soon_threadsafe(self._take, building, progress)

        def agreed(price: Price) -> bool:
            return _asked(loop, lambda: agree(price), building.stop)

        try:
            await apart(lambda: make_apart(building.name, told=told, agree=agreed, stop=building.stop))
        except BuildStopped:
            building.stopped = True
        self._end(building)

    def _take(self, building: Building, progress: Progress) -> None:
        building.steps[progress.step, progress.source] = progress
        self.changed.publish(None)

    def _failed(self, building: Building, fault: Fault) -> None:
        building.error = str(fault)
        self._end(building)

    def _end(self, building: Building) -> None:
        building.ended = time.monotonic()
        self.changed.publish(None)
        self._ended(building)


def _asked(loop: asyncio.AbstractEventLoop, ask: Callable[[], Awaitable[bool]], stop: threading.Event) -> bool:
    """From the build's thread: a person's answer, or no where the build is stopped meanwhile."""

    async def answer() -> bool:
        return await ask()

    future = asyncio.run_coroutine_threadsafe(answer(), loop)
    while not stop.is_set():
        try:
            return future.result(timeout=0.5)
        except concurrent.futures.TimeoutError:
            continue
    future.cancel()
    return False
