"""The real app in its training mode, over job directories that the real writers made and supervisors that really run."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from textual.pilot import Pilot

from kullm_tui.core.config.settings import Config
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.train.screen import TrainScreen
from tests.ui.snapshot import text_of

SECONDS = 240.0


@dataclass
class Training:
    app: KullmApp
    pilot: Pilot[int]

    @property
    def screen(self) -> TrainScreen:
        assert isinstance(self.app.screen, TrainScreen)
        return self.app.screen

    @property
    def shown(self) -> str:
        return text_of(self.app)

    def told(self, words: str) -> bool:
        """Whether the words are on the screen, wherever the lines break."""
        return "".join(words.split()) in "".join(self.shown.split())

    async def tells(self, *words: str) -> None:
        await self.until(lambda: all(self.told(one) for one in words))

    async def until(self, condition: Callable[[], Any], seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.shown
            await asyncio.sleep(0.02)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def chooses(self, job: str) -> None:
        """The row of that job, as soon as it is there."""
        await self.until(lambda: self.app.trainings.of(job))
        await self.press("home")
        for _ in self.app.trainings.jobs:
            chosen = self.screen.chosen
            if chosen and chosen.id == job:
                return
            await self.press("down")
        raise AssertionError(self.shown)


@asynccontextmanager
async def training(config: Config | None = None, *, size: tuple[int, int] = (140, 45)) -> AsyncIterator[Training]:
    """The app at its list of trainings, once they were looked at."""
    app = KullmApp(config=config or Config())
    async with app.run_test(size=size, notifications=True) as pilot:
        one = Training(app, pilot)
        await pilot.press("f10")
        await one.until(lambda: isinstance(app.screen, TrainScreen) and app.screen.is_mounted)
        await one.until(lambda: app.trainings.is_known)
        yield one
