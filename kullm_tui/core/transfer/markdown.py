"""One branch of a conversation as Markdown: to be read by people, and by kullm again.

Comments that no renderer shows stand before every part and say what it is. A line of the text that looks like one of
them gets a backslash. What a terminal would obey is left out.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.language import say
from kullm_tui.core.records import ROLES
from kullm_tui.core.store.history import Mark
from kullm_tui.core.store.portable import LATEST_TIME, PortableConversation, PortableMessage
from kullm_tui.core.store.titles import title_of
from kullm_tui.core.text import storable, terminal_safe, terminal_safe_json

_MARK = re.compile(r"<!-- kullm:(conversation|system|user|assistant|input) (\{.*\}) -->")
_LOOKS_LIKE_ONE = re.compile(r"^(<!-- \\*)(kullm:)", re.MULTILINE)
_ESCAPED = re.compile(r"^(<!-- \\*)\\(kullm:)", re.MULTILINE)
_STATES = ("complete", "cancelled", "failed")


def is_markdown(text: str) -> bool:
    return text.lstrip("\ufeff").startswith("<!-- kullm:conversation ")


def markdown(conversation: PortableConversation) -> str:
    """The branch that was chosen last."""
    facts = {"key": conversation.key, "created": conversation.created, "updated": conversation.updated}
    parts = [f"{_mark('conversation', facts)}\n# {terminal_safe(conversation.title)}\n"]
    for message in _branch(conversation):
        said = {name: getattr(message, name) for name in ("created", "state", "model", "adapter", "mark")}
        parts.append(f"{_mark(message.role, said)}\n**{_speaker(message)}** · {_date(message.created)}\n")
        parts.append(_written(message.content))
        if message.input:
            parts.append(f"{_mark('input', {})}\n**{say('입력', 'Input')}**\n")
            parts.append(_written(message.input))
    return "\n".join(parts)


def read_markdown(text: str) -> PortableConversation:
    """ImportRefused where it is not what `markdown` writes."""
    sections = list(_sections(text.lstrip("\ufeff").replace("\r\n", "\n")))
    if not sections or sections[0][0] != "conversation" or not _is_text(sections[0][1].get("key")):
        raise ImportRefused(
            say("kullm이 쓴 마크다운이 아니어서 읽을 수 없어요.", "this Markdown was not written by kullm.")
        )
    facts = sections[0][1]
    messages: list[PortableMessage] = []
    for kind, said, lines in sections[1:]:
        body = _read(lines)
        if kind == "input" and messages and messages[-1].role == "user":
            messages[-1] = _with_input(messages[-1], body)
        elif kind in ROLES:
            messages.append(_message(len(messages) + 1, kind, said, body))
    created, updated = _time(facts.get("created")), _time(facts.get("updated"))
    title = title_of(sections[0][2].strip().removeprefix("#"))
    return PortableConversation(
        facts["key"][:200], title, created, updated, tuple(messages), leaf=len(messages) or None
    )


def _branch(conversation: PortableConversation) -> list[PortableMessage]:
    of = {message.number: message for message in conversation.messages}
    place = conversation.leaf or max(of, default=None)
    path = []
    while place is not None:
        path.append(of[place])
        place = of[place].parent
    return path[::-1]


def _mark(kind: str, facts: dict[str, Any]) -> str:
    told = terminal_safe_json({name: value for name, value in facts.items() if value is not None})
    return f"<!-- kullm:{kind} {told.replace('>', chr(92) + 'u003e')} -->"


def _speaker(message: PortableMessage) -> str:
    names = {"user": say("나", "Me"), "system": say("시스템", "System")}
    return terminal_safe(names.get(message.role) or message.model or say("모델", "Model"))


def _date(created: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(created))


def _written(text: str) -> str:
    return _LOOKS_LIKE_ONE.sub(r"\1\\\2", terminal_safe(text)) + "\n"


def _read(lines: str) -> str:
    """Without the line of the speaker, and what stands around the text."""
    body = lines.partition("\n\n")[2] if "\n\n" in lines else ""
    body = body.removesuffix("\n").removesuffix("\n") if body.endswith("\n\n") else body.removesuffix("\n")
    return _ESCAPED.sub(r"\1\2", body)


def _sections(text: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    kind, facts, lines = "", dict[str, Any](), list[str]()
    for line in text.split("\n"):
        mark = _MARK.fullmatch(line)
        if not mark:
            lines.append(line)
            continue
        if kind:
            yield kind, facts, "\n".join([*lines, ""])
        kind, facts, lines = mark[1], _facts(mark[2]), []
    if kind:
        # The last one ends as the others do, or blank lines at its end would be counted otherwise.
        yield kind, facts, "\n".join([*lines, ""])


def _facts(text: str) -> dict[str, Any]:
    try:
        value = foreign_json.parsed(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _message(number: int, role: Any, said: dict[str, Any], body: str) -> PortableMessage:
    state = said.get("state")
    return PortableMessage(
        number,
        number - 1 or None,
        role,
        storable(body),
        _time(said.get("created")),
        state=state if state in _STATES else "complete",
        model=_name(said.get("model")),
        adapter=_name(said.get("adapter")),
        mark=said.get("mark") if said.get("mark") in get_args(Mark) else None,
    )


def _with_input(message: PortableMessage, body: str) -> PortableMessage:
    return replace(message, input=storable(body))


def _name(value: object) -> str | None:
    return storable(value) if isinstance(value, str) and value else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _time(value: object) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value <= LATEST_TIME else time.time()
