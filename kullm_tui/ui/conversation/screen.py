"""What every screen with a prompt under conversations has: its controller begins and ends with it, and is told what is typed and what arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from textual import on
from textual.screen import Screen
from textual.widgets._text_area import TextArea

from kullm_tui.core.records import Message
from kullm_tui.ui.conversation.copy import copy_text
from kullm_tui.ui.conversation.messages import ReplyGrew, ReplySaved, ReplyWaits
from kullm_tui.ui.conversation.prompt import Prompt
from kullm_tui.ui.markdown.reply_view import Reply

if TYPE_CHECKING:
    from kullm_tui.core.asking.live_reply import LiveReply
    from kullm_tui.core.store.store import Store


class Talking(Protocol):
    """The controller, as the screen tells it things."""

    async def begin(self) -> None: ...

    async def close(self) -> None: ...

    def take_store(self, store: Store) -> None: ...

    def ask(self, message: Message) -> None: ...

    def typing(self) -> None: ...

    def grew(self, reply: LiveReply) -> None: ...

    def saved(self, reply: LiveReply) -> None: ...


class ConversationScreen(Screen[None]):
    controller: Talking

    def __init__(self) -> None:
        super().__init__()
        self.prompt = Prompt()  # what was begun in it is kept when the screen is gone

    def on_mount(self) -> None:
        self.prompt.focus()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self.controller.begin(), group="controller", exit_on_error=False)

    async def on_unmount(self) -> None:
        await self.controller.close()

    def write(self, text: str) -> None:
        """From elsewhere, where the cursor is: chosen in the palette, typed at a comparison's vote bar. The focus goes at once: what follows belongs behind it."""
        self.set_focus(self.prompt.field)
        self.prompt.paste(text)

    def take_store(self, store: Store) -> None:
        self.controller.take_store(store)

    @on(Prompt.Submitted)
    def _submitted(self, event: Prompt.Submitted) -> None:
        event.stop()
        self.controller.ask(Message("user", event.text, event.input))

    @on(TextArea.Changed)
    def _typing(self) -> None:
        self.controller.typing()

    @on(ReplyWaits)
    @on(ReplyGrew)
    def _grew(self, event: ReplyWaits | ReplyGrew) -> None:
        self.controller.grew(event.reply)

    @on(ReplySaved)
    def _saved(self, event: ReplySaved) -> None:
        self.controller.saved(event.reply)

    @on(Reply.CopyRequested)
    async def _copy_requested(self, event: Reply.CopyRequested) -> None:
        event.stop()
        await copy_text(self.app, event.text)
