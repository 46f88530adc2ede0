"""The real app with the form of a new training, or its machines, in front of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Button

from kullm_tui.core.config.settings import Config
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.train.new.form import JobForm
from kullm_tui.ui.train.new.plan import PlanPanel
from tests.ui.snapshot import text_of

SECONDS = 240.0


@dataclass
class Filling:
    app: KullmApp
    pilot: Pilot[int]
    screen: Screen[Any]
    left: list[Any] = field(default_factory=list)  # what the screen was left with

    @property
    def shown(self) -> str:
        return text_of(self.app)

    @property
    def form(self) -> JobForm:
        return self.screen.query_one(JobForm)

    @property
    def plan(self) -> PlanPanel:
        return self.screen.query_one(PlanPanel)

    @property
    def button(self) -> Button:
        return self.screen.query_one("#begin", Button)

    def told(self, words: str) -> bool:
        """Whether the words are on the screen, wherever the lines break."""
        return "".join(words.split()) in "".join(self.shown.split())

    async def tells(self, words: str) -> None:
        await self.until(lambda: self.told(words), words)

    async def until(self, condition: Callable[[], Any], words: str = "") -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{words}\n{self.shown}"
            await asyncio.sleep(0.02)
        await self.pilot.pause()

    async def planned(self) -> None:
        """All that can be known before it begins is."""
        await self.until(
            lambda: self.plan.outlook is not None and self.plan.outlook.is_whole and not self.button.disabled
        )

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def puts(self, key: str, text: str) -> None:
        self.form.put(key, text)
        await self.pilot.pause()


@asynccontextmanager
async def shown(screen: Screen[Any], *, size: tuple[int, int] = (140, 45)) -> AsyncIterator[Filling]:
    app = KullmApp(config=Config())
    async with app.run_test(size=size, notifications=True) as pilot:
        one = Filling(app, pilot, screen)
        await app.push_screen(screen, one.left.append)
        await pilot.pause()
        yield one
