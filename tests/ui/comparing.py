"""The real app in compare mode, driven as a person drives it; who answers is the real engine or a real HTTP server."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from kullm_tui.core.config.settings import Config, EndpointSettings, EngineSettings
from kullm_tui.core.store.comparisons import Vote
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.core.store.store import Store
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.compare.columns import ColumnView
from kullm_tui.ui.compare.controller import CompareController
from kullm_tui.ui.compare.lineup import DEMOS, Lineup, remember
from kullm_tui.ui.compare.screen import CompareScreen
from kullm_tui.ui.compare.vote_bar import VoteBar
from tests.openai_server import OpenAIServer, Received, Reply, says
from tests.ui.pauses import types
from tests.ui.snapshot import text_of

SECONDS = 240.0
FAR = tuple(Contestant(f"far/{name}") for name in ("red", "green", "blue"))


class Far(OpenAIServer):
    """Each model of it has its own script; without one it says its name."""

    def __init__(self, by_model: Mapping[str, Sequence[Reply]] | None = None) -> None:
        super().__init__()
        self._by_model = {model: deque(replies) for model, replies in (by_model or {}).items()}

    def answer(self, request: Received) -> Reply:
        model = request.body["model"]
        script = self._by_model.get(model)
        return script.popleft() if script else says(f"{model}의 답")


@dataclass
class Comparing:
    app: KullmApp
    pilot: Pilot[int]

    @property
    def screen(self) -> CompareScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, CompareScreen)
        return screen

    @property
    def controller(self) -> CompareController:
        return self.screen.controller

    @property
    def views(self) -> list[ColumnView]:
        return self.screen.columns.views

    @property
    def bar(self) -> VoteBar:
        return self.screen.vote_bar

    @property
    def heads(self) -> list[str]:
        return [view.head.column_name for view in self.views]

    @property
    def shown(self) -> str:
        return text_of(self.app)

    @property
    def votes(self) -> Sequence[Vote]:
        return self.app.store.comparisons.votes()

    def said(self, place: int) -> list[str]:
        """What stands in a column, from the top."""
        return [turn.content for turn in self.controller.turns(place)]

    def told(self, words: str) -> bool:
        """Whether the words are on the screen, wherever the lines break."""
        return "".join(words.split()) in "".join(self.shown.split())

    async def types(self, text: str) -> None:
        await types(self.pilot, text)

    async def sends(self, text: str) -> None:
        """A question; back once somebody answers, or all have."""
        before = len(self.controller.turns(self.controller.only or 0))
        await self.types(text)
        await self.pilot.press("enter")
        await self.until(
            lambda: len(self.controller.turns(self.controller.only or 0)) > before or self.screen.focused is None
        )

    async def asks(self, text: str) -> None:
        """A question to all, and the vote bar."""
        await self.types(text)
        await self.pilot.press("enter")
        await self.finishes()

    async def finishes(self) -> None:
        await self.until(lambda: not self.controller.busy and self.bar.is_shown)
        await self.pilot.pause()

    async def votes_for(self, way: int) -> None:
        """The replies from the left, then the tie, then all bad: the vote bar has the focus."""
        await self.until(lambda: self.bar.has_focus)
        await self.pilot.press(*["right"] * (way + 1), "enter")

    async def until(self, condition: Callable[[], Any], seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.shown
            await asyncio.sleep(0.01)


@asynccontextmanager
async def comparing(
    database: Path,
    *,
    size: tuple[int, int] = (140, 45),
    server: OpenAIServer | None = None,
    contestants: Sequence[Contestant] = FAR,
    blind: bool = False,
    engine: EngineSettings | None = None,
) -> AsyncIterator[Comparing]:
    """With a server, three models of it are compared; else whoever a newcomer meets."""
    endpoints = (EndpointSettings("far", server.base_url),) if server else ()
    if server or blind or contestants != FAR:
        remember(Lineup(tuple(contestants) if server or contestants != FAR else DEMOS, blind=blind))
    store = await asyncio.to_thread(Store, database)
    app = KullmApp(store=store, config=Config(endpoints=endpoints, engine=engine or EngineSettings()))
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.press("f4")
            compared = Comparing(app, pilot)
            await compared.until(
                lambda: isinstance(app.screen, CompareScreen) and compared.controller.known and compared.views
            )
            await pilot.pause()
            yield compared
    finally:
        store.close()
