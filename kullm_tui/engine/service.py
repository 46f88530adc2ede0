"""What the engine's handlers share: the loaded models, how names are found, and how busy the engine is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kullm_tui.engine.burden import Burden
from kullm_tui.engine.prepare import MOST_IN_AN_ANSWER
from kullm_tui.engine.residency import Residency, Target
from kullm_tui.engine.turns import Turnstile

Find = Callable[[str, str | None], Target]

_TURNSTILE_PLACES = 2  # prompts tokenised and answers written at once: more would take the cores from the batch


@dataclass
class EngineService:
    residency: Residency
    find: Find
    names: Callable[[], list[str]]
    shut_down: Callable[[], None]
    public: bool = False  # its clients are not the user, and learn nothing of this machine
    turnstile: Turnstile = field(default_factory=lambda: Turnstile(_TURNSTILE_PLACES))
    answers: Burden = field(default_factory=lambda: Burden(of_one=2 * MOST_IN_AN_ANSWER, of_all=8 * MOST_IN_AN_ANSWER))
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
