"""The chat's screen, as its controller tells it things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.conversation.controller import View

if TYPE_CHECKING:
    from textual.timer import Timer

    from kullm_tui.core.store.history import Turn
    from kullm_tui.ui.chat.host import ChatHost
    from kullm_tui.ui.chat.sidebar import Conversations
    from kullm_tui.ui.conversation.prompt import Prompt
    from kullm_tui.ui.conversation.thread import Thread
    from kullm_tui.ui.models.facts import ModelFacts


class ChatView(View, Protocol):
    @property
    def host(self) -> ChatHost: ...

    @property
    def thread(self) -> Thread: ...

    @property
    def sidebar(self) -> Conversations: ...

    @property
    def prompt(self) -> Prompt: ...

    def set_timer(self, delay: float, callback: Callable[[], None]) -> Timer: ...

    def refresh_bindings(self) -> None: ...

    def tell_model(self, facts: ModelFacts) -> None: ...

    def tell_context(self, turns: Sequence[Turn]) -> None: ...

    def tell_unread(self, unread: bool) -> None: ...
