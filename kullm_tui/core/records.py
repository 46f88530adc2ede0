"""The facts that travel through the product: messages, and the two forms of training record. Text is NFC from here on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")


class BadRecord(KullmError):
    pass


@dataclass(frozen=True)
class Message:
    role: Role
    content: str
    input: str = ""  # KULLM's separate input field; only a user's message has one

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", nfc(self.content))
        object.__setattr__(self, "input", nfc(self.input))


@dataclass(frozen=True)
class Instruction:
    """kullm-v2's form: one instruction, perhaps an input, one output."""

    id: str
    instruction: str
    input: str
    output: str

    @property
    def messages(self) -> tuple[Message, ...]:
        return (Message("user", self.instruction, self.input), Message("assistant", self.output))


@dataclass(frozen=True)
class Dialogue:
    """Several turns."""

    id: str
    messages: tuple[Message, ...]


Record = Instruction | Dialogue

# ShareGPT's names for the roles, beside the usual ones.
_ROLE_OF: Mapping[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}


def read_record(row: Mapping[str, Any]) -> Record:
    """A record from one parsed JSON object; BadRecord names the fault."""
    identity = str(row.get("id", ""))
    if "conversations" in row:
        turns = row["conversations"]
        if not isinstance(turns, list) or not turns:
            raise BadRecord(say("conversations가 비었거나 목록이 아니에요.", "conversations is empty or not a list."))
        return Dialogue(identity, tuple(message_of(turn) for turn in turns))
    if "instruction" not in row or "output" not in row:
        columns = ", ".join(map(str, row))
        raise BadRecord(
            say(
                f"instruction과 output, 또는 conversations 열이 있어야 해요. 지금 있는 열: {columns}",
                f"needs the columns instruction and output, or conversations; found: {columns}",
            )
        )
    fields = [_text(row, name) for name in ("instruction", "input", "output")]
    return Instruction(identity, *fields)


def message_of(turn: object) -> Message:
    """One turn of a conversation, under ShareGPT's names or the usual ones."""
    if not isinstance(turn, Mapping):
        raise BadRecord(say("대화의 한 차례가 객체가 아니에요.", "a turn of the conversation is not an object."))
    role = _ROLE_OF.get(str(turn.get("from", turn.get("role", ""))))
    content = turn.get("value", turn.get("content"))
    if role is None or not isinstance(content, str):
        raise BadRecord(
            say("대화의 한 차례에 역할이나 글이 없어요.", "a turn of the conversation lacks a role or text.")
        )
    return Message(role, content)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None and name == "input":
        return ""
    if not isinstance(value, str):
        raise BadRecord(say(f"{name} 열이 글이 아니에요.", f"the column {name} is not text."))
    return nfc(value)
