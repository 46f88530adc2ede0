"""What a model is told of a conversation: the one answer for every screen and every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from kullm_tui.core.records import Message, Role

if TYPE_CHECKING:
    from kullm_tui.core.store.history import Turn


class Said(Protocol):
    """A turn of the store's, or a message."""

    @property
    def role(self) -> Role: ...
    @property
    def content(self) -> str: ...
    @property
    def input(self) -> str: ...


def messages_of(turns: Sequence[Said]) -> list[Message]:
    """What the model is told of these turns: one system text, and every question that got an answer, even a cut one.

    The last question is told whether it was answered or not.
    """
    system = system_of(turns)
    told: list[Message] = [Message("system", system)] if system else []
    for turn in turns:
        if turn.role == "user":
            told.append(Message("user", turn.content, turn.input))
        elif turn.role == "assistant" and turn.content.strip():
            told.append(Message("assistant", turn.content))
        elif turn.role == "assistant" and told and told[-1].role == "user":
            told.pop()
    return told


def next_messages(turns: Sequence[Turn], asked: Message | None, system: str) -> list[Message]:
    """What a model would be told if this were asked now; with nothing asked, what it was told last."""
    questions = [place for place, turn in enumerate(turns) if turn.role == "user"]
    before = turns if asked else turns[: questions[-1] + 1] if questions else []
    told = [one for one in messages_of(before) if one.role != "system"]
    return [*([Message("system", system)] if system else []), *told, *([asked] if asked else [])]


def system_of(turns: Sequence[Said]) -> str:
    """The system text in force at the end: a later one takes the place of an earlier one."""
    return next((turn.content for turn in reversed(turns) if turn.role == "system"), "")
