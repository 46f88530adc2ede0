"""What was begun in each conversation and not sent: put aside when one leaves it, and there again when one comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kullm_tui.ui.widgets.prompt import NOTHING, Prompt, Unsent

if TYPE_CHECKING:
    from kullm_tui.core.history import Conversation, Turn
    from kullm_tui.core.records import Message

# The text, and the turn whose question it is to take the place of.
Draft = tuple[Unsent, "Turn | None"]


class Drafts:
    """As long as the app runs. The conversation that does not exist yet has one too."""

    def __init__(self) -> None:
        self._kept: dict[int | None, Draft] = {}

    def change(
        self, prompt: Prompt, before: Conversation | None, after: Conversation | None, editing: Turn | None
    ) -> Turn | None:
        """From one conversation to another; the turn that was being edited there."""
        self._kept[_key(before)] = prompt.unsent, editing
        unsent, editing = self._kept.pop(_key(after), (NOTHING, None))
        prompt.take_up(unsent)
        return editing

    def put(self, conversation: Conversation | None, message: Message, editing: Turn | None) -> None:
        """A question that could not be sent, for a conversation that was left meanwhile."""
        self._kept[_key(conversation)] = Unsent.of(message.content, message.input), editing


def _key(conversation: Conversation | None) -> int | None:
    return conversation.id if conversation else None
