"""What a form of data is: a reader from one raw object to messages, or to what is wrong with it.

A reader yields the messages of each row that the object holds, user and assistant in turn, and a `Flaw` for each part of it that
became none; `Unfit` says that the object as a whole is nothing of its form. It knows no file, no source and no other object.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.sources.raw import USUAL, Layout
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.text import is_whole


@dataclass(frozen=True)
class Flaw:
    """Why something became no row, or lost a part. The reason is a code that is counted; the detail is for a person."""

    reason: str
    detail: str


class Unfit(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.flaw = Flaw(reason, detail)


Messages = tuple[Message, ...]
Fields = Mapping[str, Any]
Read = Callable[[Fields], Iterator[Messages | Flaw]]


@dataclass(frozen=True)
class Form:
    name: str
    read: Read
    layout: Layout = USUAL


def text_of(fields: Fields, *names: str) -> str:
    """The first of these columns that is there. A list of texts is taken by its first: they are ways to say one answer."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return value
    present = ", ".join(map(str, fields))
    missing = say(" 또는 ", " or ").join(names)
    raise Unfit("columns", say(f"{missing} 열이 없어요. 있는 열: {present}", f"no column {missing} among {present}"))


def perhaps(fields: Fields, name: str) -> str:
    """Empty where the column is missing or empty of any value; text it must be."""
    return text_of(fields, name) if fields.get(name) is not None else ""


def list_of(fields: Fields, name: str) -> list[Any]:
    value = fields.get(name)
    if isinstance(value, list) and value:
        return value
    raise Unfit("columns", say(f"{name} 열이 비었거나 목록이 아니에요", f"the column {name} is empty or no list"))


def pair(instruction: str, output: str, given: str = "") -> Messages:
    return (Message("user", instruction, given), Message("assistant", output))


def flaw_of(messages: Messages) -> Flaw | None:
    """What no step of a build could take, whatever form it came in."""
    if not messages or any(not one.content.strip() for one in messages):
        return Flaw("empty", say("질문이나 답이 비었어요", "the question or the answer is empty"))
    texts = [text for one in messages for text in (one.content, one.input)]
    if not all(map(is_whole, texts)):
        return Flaw("half-character", say("깨진 글자가 들어 있어요", "it holds half a character"))
    if any("\0" in text for text in texts):
        return Flaw("nul", say("NUL 문자가 들어 있어요", "it holds a NUL"))
    return None
