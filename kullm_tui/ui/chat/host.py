"""What the chat adds to the host: at which conversation it opens."""

from __future__ import annotations

from typing import Protocol

from kullm_tui.ui.conversation.host import ConversationHost


class ChatHost(ConversationHost, Protocol):
    goes_on: bool  # at the last conversation
