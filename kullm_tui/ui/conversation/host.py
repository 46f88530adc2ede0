"""What conversations add to the host: replies that the disk had no room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.judge.host import JudgingHost

if TYPE_CHECKING:
    from kullm_tui.ui.conversation.unsaved import Unsaved


class ConversationHost(JudgingHost, Protocol):
    @property
    def unsaved(self) -> Unsaved: ...
