"""A row on its way through a build: where it came from, what it says, and what it said before it was translated.

Its id is of its content within its source: what is done to a row is remembered by it, never by its place.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kullm_tui.core.records import Message


@dataclass(frozen=True)
class Row:
    id: str
    source: str  # its name in the catalogue
    place: str  # the file and line that it stood in, for a person
    messages: tuple[Message, ...]  # user and assistant in turn; a user's may have an input of its own
    original: tuple[Message, ...] = ()  # what was translated; empty where nothing was

    @property
    def is_pair(self) -> bool:
        """One instruction and its output: kullm-v2's form."""
        return [one.role for one in self.messages] == ["user", "assistant"]

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that stands in it, in order, without what is empty."""
        return tuple(text for one in self.messages for text in (one.content, one.input) if text)


@dataclass(frozen=True)
class Rejection:
    """Why a row went no further. The reason is a code that is counted; the detail is for a person."""

    row: Row
    reason: str
    detail: str = ""


def new_row(source: str, place: str, messages: Sequence[Message]) -> Row:
    said = json.dumps([[one.role, one.content, one.input] for one in messages], ensure_ascii=False)
    digest = hashlib.sha256(f"{source}\0{said}".encode()).hexdigest()[:16]
    return Row(f"{source}-{digest}", source, place, tuple(messages))


def as_json(row: Row) -> dict[str, Any]:
    """The one form in which rows lie on disk between steps."""
    kept: dict[str, Any] = {"id": row.id, "source": row.source, "place": row.place}
    kept["messages"] = [_turn(one) for one in row.messages]
    if row.original:
        kept["original"] = [_turn(one) for one in row.original]
    return kept


def of_json(kept: Mapping[str, Any]) -> Row:
    return Row(
        kept["id"],
        kept["source"],
        kept["place"],
        tuple(Message(**one) for one in kept["messages"]),
        tuple(Message(**one) for one in kept.get("original", ())),
    )


def _turn(message: Message) -> dict[str, str]:
    turn = {"role": message.role, "content": message.content}
    return turn | {"input": message.input} if message.input else turn
