"""Rows that keep a prompt apart from the reply to it: the one that was chosen, and perhaps one that was rejected.

    {"prompt": [{"role": "user", "content": "…"}], "chosen": "…", "rejected": "…"}

The prompt may also be one text, or stand in instruction and input, or in conversations; a reply may also be a message or a list of one, as
TRL and LLaMA-Factory have them. Without a rejected reply it is a row like any other, but for its earlier replies, which are not trained.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kullm_tui.core.language import say
from kullm_tui.core.records import BadRecord, Message, message_of


@dataclass(frozen=True)
class PromptRow:
    """`rejected` is empty where there is none."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str = ""

    @property
    def messages(self) -> tuple[Message, ...]:
        return (*self.prompt, Message("assistant", self.chosen))


def is_prompt_row(row: Mapping[str, Any]) -> bool:
    return row.get("chosen") is not None


def read_prompt_row(row: Mapping[str, Any], named: Mapping[str, Any]) -> PromptRow:
    """`named`: the row under our names for its columns. BadRecord names the fault."""
    prompt = _prompt(row, named)
    if not prompt or prompt[-1].role != "user":
        raise BadRecord(say("prompt가 질문으로 끝나지 않아요.", "the prompt does not end with a question."))
    rejected = row.get("rejected")
    return PromptRow(prompt, _reply(row, "chosen"), "" if rejected is None else _reply(row, "rejected"))


def _prompt(row: Mapping[str, Any], named: Mapping[str, Any]) -> tuple[Message, ...]:
    found = row.get("prompt")
    found = named.get("conversations") if found is None else found
    if found is None and isinstance(named.get("instruction"), str):
        found = [{"role": "user", "content": named["instruction"], "input": named.get("input")}]
    if isinstance(found, str):
        found = [{"role": "user", "content": found}]
    if not isinstance(found, list):
        raise BadRecord(say("chosen이 있는 행에 prompt가 없어요.", "a row with chosen has no prompt."))
    return tuple(map(_message, found))


def _message(turn: object) -> Message:
    message = message_of(turn)
    given = turn.get("input") if isinstance(turn, Mapping) else None
    return Message(message.role, message.content, given if isinstance(given, str) else "")


def _reply(row: Mapping[str, Any], name: str) -> str:
    reply = row[name]
    if isinstance(reply, list) and len(reply) == 1:
        reply = reply[0]
    if isinstance(reply, Mapping):
        reply = message_of(reply).content
    if not isinstance(reply, str):
        raise BadRecord(say(f"{name}이 답 하나가 아니에요.", f"{name} is not one reply."))
    return reply
