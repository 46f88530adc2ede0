"""What the engine's handlers share: the loaded models, how names are found, and how busy the engine is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kullm_tui.engine.residency import Residency, Target

Find = Callable[[str, str | None], Target]


@dataclass
class EngineService:
    residency: Residency
    find: Find
    names: Callable[[], list[str]]
    shut_down: Callable[[], None]
    active_requests: int = 0
    last_active: float = 0.0

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        self.active_requests += 1
        try:
            yield
        finally:
            self.active_requests -= 1
            self.last_active = time.monotonic()

    async def target(self, model: str, adapter: str | None) -> Target:
        return await asyncio.to_thread(self.find, model, adapter)
