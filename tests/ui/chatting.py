"""The real app with a real database, driven as a person drives it; who answers is the real engine or a real HTTP server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.store.history import Turn
from kullm_tui.core.store.store import Store
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.chat.controller import ChatController
from kullm_tui.ui.chat.screen import ChatScreen
from tests.openai_server import OpenAIServer
from tests.ui.pauses import types
from tests.ui.snapshot import text_of

SECONDS = 240.0


@dataclass
class Chat:
    app: KullmApp
    pilot: Pilot[int]

    @property
    def screen(self) -> ChatScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        return screen

    @property
    def controller(self) -> ChatController:
        return self.screen.controller

    @property
    def turns(self) -> Sequence[Turn]:
        return self.controller.turns

    @property
    def shown(self) -> str:
        """The screen's words, without what lies between them."""
        return text_of(self.app)

    def told(self, words: str) -> bool:
        """Whether the words are on the screen, wherever the lines break."""
        return "".join(words.split()) in "".join(self.shown.split())

    @property
    def last_text(self) -> str:
        """What the last turn shows."""
        reply = self.screen.thread.views[-1].reply
        assert reply is not None
        return reply.text

    async def types(self, text: str) -> None:
        await types(self.pilot, text)

    async def sends(self, text: str) -> None:
        """A question; back once its reply is on its way."""
        count = len(self.turns)
        await self.types(text)
        await self.pilot.press("enter")
        await self.until(lambda: len(self.turns) > count and not self.controller.busy)

    async def asks(self, text: str) -> Turn:
        """A question and its whole reply."""
        await self.sends(text)
        return await self.answered()

    async def answered(self) -> Turn:
        await self.until(lambda: not self.controller.busy and not self.controller.answering and self._is_settled())
        await self.pilot.pause()
        return self.turns[-1]

    def _is_settled(self) -> bool:
        return bool(self.turns) and self.turns[-1].role == "assistant" and self.turns[-1].state != "streaming"

    async def until(self, condition: Callable[[], Any], seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.shown
            await asyncio.sleep(0.01)

    def use(self, model: str, **changes: Any) -> None:
        self.controller.chose(replace(self.controller.session, model=model, **changes))


@asynccontextmanager
async def chatting(
    database: Path,
    *,
    size: tuple[int, int] = (120, 40),
    server: OpenAIServer | None = None,
    keys: tuple[str, ...] = (),
) -> AsyncIterator[Chat]:
    """With a server, it is the one that answers."""
    endpoints = (EndpointSettings("far", server.base_url),) if server else ()
    store = await asyncio.to_thread(Store, database)
    app = KullmApp(store=store, config=Config(endpoints=endpoints, keys=keys))
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            chat = Chat(app, pilot)
            await chat.until(lambda: chat.screen.sidebar.store is not None)
            if server:
                chat.use("far/model")
            yield chat
    finally:
        store.close()
