"""A reply that can be judged, and where it is found among the turns of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kullm_tui.core.text import nfc

if TYPE_CHECKING:
    from evaluator.verdict import Item
    from kullm_tui.core.store.history import Turn


@dataclass(frozen=True)
class Subject:
    """A reply that can be judged: what was asked, what was answered, and by whom."""

    instruction: str
    input: str
    response: str
    model: str = ""

    def __post_init__(self) -> None:
        for name in ("instruction", "input", "response"):
            object.__setattr__(self, name, nfc(getattr(self, name)))

    @property
    def item(self) -> Item:
        """As a judge is asked about it; the evaluator is imported where something is judged."""
        from evaluator.verdict import Item

        return Item("reply", self.instruction, self.input, self.response)


def subject_of(turns: Sequence[Turn], turn_id: int) -> Subject | None:
    """The reply of this id under its question; None for what is no reply, is still on its way, or says nothing."""
    place = next((place for place, turn in enumerate(turns) if turn.id == turn_id), None)
    if place is None or turns[place].role != "assistant":
        return None
    reply = turns[place]
    question = next((turn for turn in reversed(turns[:place]) if turn.role == "user"), None)
    if question is None or reply.state == "streaming" or not reply.content.strip():
        return None
    return Subject(question.content, question.input, reply.content, reply.model or "")
