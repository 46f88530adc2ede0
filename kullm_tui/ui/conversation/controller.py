"""What every controller behind a screen with a prompt has: work in workers whose faults are told above the prompt, and what follows a reply."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, fault_of

if TYPE_CHECKING:
    from textual.app import App
    from textual.worker import Worker

    from kullm_tui.core.store.history import Conversation, Turn
    from kullm_tui.ui.host import Host

FeedbackVerb = Literal["correct", "keep", "never"]

_LONG_SECONDS = 10.0  # what took so long is announced to a reader who looks elsewhere


class View(Protocol):
    """The screen, as its controller tells it things."""

    @property
    def host(self) -> Host: ...

    @property
    def app(self) -> App[Any]: ...

    def notice(self, text: str = "", *, error: bool = False) -> None: ...

    def run_worker(self, work: Any, *, group: str, exit_on_error: bool) -> Worker[Any]: ...


S = TypeVar("S", bound=View)


class Controller(Generic[S]):
    def __init__(self, screen: S) -> None:
        self.screen = screen

    def run(self, work: Coroutine[Any, Any, None], group: str = "controller") -> None:
        """What goes wrong is told above the prompt."""
        self.screen.run_worker(self._guarded(work), group=group, exit_on_error=False)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        fault = await fault_of(work)
        if fault:
            await self.failed(fault)

    async def failed(self, error: Fault) -> None:
        """Told above the prompt, unless it was the file of the conversations and another is open now."""
        if not isinstance(error, KullmError):
            self.screen.notice(str(error), error=True)
            return
        try:
            mended = await self.screen.host.mend(error)
        except KullmError as worse:
            self.screen.notice(str(worse), error=True)
        else:
            if not mended:
                self.screen.notice(str(error), error=True)

    def is_free(self, *, busy: bool) -> bool:
        """Told above the prompt where it is not."""
        told = say("답이 오는 중이에요. esc로 멈춘 다음 보내 주세요.", "A reply is on its way. Stop it first: esc.")
        self.screen.notice(told if busy else "")
        return not busy

    async def choose_branch(self, conversation: Conversation, turn_id: int) -> int:
        """The conversation goes on along the branch of this turn; the id of its last."""
        store = await self.screen.host.opened()
        leaf = await asyncio.to_thread(store.leaf_below, turn_id)
        await asyncio.to_thread(store.choose_leaf, conversation.id, leaf)
        return leaf

    async def feedback(self, verb: FeedbackVerb, turn: Turn) -> int | None:
        """The correction that was written, or the reply itself where it was marked; None where nothing was."""
        store = await self.screen.host.opened()
        if verb != "correct":
            await asyncio.to_thread(store.mark, turn.id, None if turn.mark == verb else verb)
            return turn.id
        from kullm_tui.ui.conversation.correct_dialog import CorrectScreen

        original = turn if turn.corrects is None else await asyncio.to_thread(store.turn, turn.corrects)
        wanted = await self.screen.app.push_screen_wait(CorrectScreen(original.content, turn.content))
        if wanted is None:
            return None
        return (await asyncio.to_thread(store.correct, turn.id, wanted)).id

    def announce(self, seconds: float, told: str) -> None:
        """To somebody who looked elsewhere while it took so long."""
        host = self.screen.host
        if seconds >= _LONG_SECONDS and not host.is_looked_at:
            from kullm_tui.ui.terminal import notifications

            notifications.announce(self.screen.app, told, host.config.notify)

    def tell_memory(self) -> None:
        """What the engine takes now, in the status line."""
        self.run(self._tell_memory(), group="memory")

    async def _tell_memory(self) -> None:
        from kullm_tui.ui.models.choices import memory_used

        self.screen.host.status.set_memory(await asyncio.to_thread(memory_used, self.screen.host.config))
