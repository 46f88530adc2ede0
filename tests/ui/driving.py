"""The real app in a test's hands: what it shows, and keys that are pressed once it is ready for them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textual.pilot import Pilot

from kullm_tui.ui.app import KullmApp
from tests.ui.snapshot import text_of

SECONDS = 240.0


@dataclass
class Driven:
    app: KullmApp
    pilot: Pilot[int]

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
