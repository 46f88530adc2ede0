"""A conversation outside the database: what files of every kind are written from and read into."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kullm_tui.core.records import Role
from kullm_tui.core.store.history import Mark, State

LATEST_TIME = 253370764800.0  # the year 9999 begins, the last one that a date can be made of anywhere


# What an import does: first conversation by conversation, then message by message. (what, done, of how many)
ImportProgress = Callable[[Literal["keep", "index"], int, int], None]


@dataclass(frozen=True)
class PortableMessage:
    number: int  # within its conversation; a parent's is lower
    parent: int | None
    role: Role
    content: str
    created: float
    input: str = ""
    state: State = "complete"
    error: str | None = None
    model: str | None = None
    adapter: str | None = None
    template: str | None = None
    parameters: Mapping[str, Any] | None = None
    prompt_sha256: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    timings: Mapping[str, Any] | None = None
    thinking: str = ""
    mark: Mark | None = None
    corrects: int | None = None  # the number of the reply beside it that a person rewrote so


@dataclass(frozen=True)
class PortableConversation:
    key: str  # the same in every file and database: what arrives twice is recognised by it
    title: str
    created: float
    updated: float
    messages: tuple[PortableMessage, ...]
    pinned: bool = False
    leaf: int | None = None  # the number of the message where it goes on


@dataclass(frozen=True)
class Imported:
    """What became of the conversations of a file."""

    new: int = 0
    grown: int = 0  # there already, and something was added
    known: int = 0  # there already as they are
    messages: int = 0  # added
