"""Conversations as JSON lines: complete trees, read back as they were.

The first line says how many follow, so that a file that was cut off is noticed even at the end of a line. Files that
stand one behind another are read as one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.language import say
from kullm_tui.core.records import ROLES
from kullm_tui.core.store.history import Mark
from kullm_tui.core.store.journal import FinalState
from kullm_tui.core.store.portable import LATEST_TIME, PortableConversation, PortableMessage
from kullm_tui.core.store.titles import title_of
from kullm_tui.core.text import storable, terminal_safe_json

_FORM, _VERSION = "conversations", 1
_LONGEST_KEY = 200
_MOST_TOKENS = 2**53


def jsonl(conversations: Sequence[PortableConversation] | Iterator[PortableConversation], count: int) -> Iterator[str]:
    yield terminal_safe_json({"kullm": _FORM, "version": _VERSION, "conversations": count})
    for one in conversations:
        facts = asdict(one)
        facts["messages"] = [_without_nothing(message) for message in facts["messages"]]
        yield terminal_safe_json(facts)


def _without_nothing(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if value not in (None, "") or name in ("content", "parent")}


def read_jsonl(lines: Iterable[bytes]) -> list[PortableConversation]:
    """ImportRefused names the line and its fault."""
    found: list[PortableConversation] = []
    promised = -1
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _parsed(line, number)
        if "kullm" in row:
            _require_all(found, promised)
            promised = max(0, promised) + _promise(row, number)
        elif promised < 0:
            raise _fault(number, say("첫 줄이 kullm의 것이 아니에요", "the first line is not kullm's"))
        else:
            try:
                found.append(_conversation(row))
            except _Wrong as fault:
                raise _fault(number, str(fault)) from fault
    _require_all(found, promised)
    return found


def _parsed(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = foreign_json.parsed(line.removeprefix(b"\xef\xbb\xbf").decode(), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise _fault(number, say("UTF-8이 아니에요", "not UTF-8")) from error
    except (ValueError, RecursionError) as error:
        raise _fault(number, say("JSON이 아니거나 중간에 끊겼어요", "no JSON, or cut off in the middle")) from error
    if not isinstance(row, dict):
        raise _fault(number, say("JSON 객체가 아니에요", "no JSON object"))
    return row


def _no_number(name: str) -> float:
    raise ValueError(name)


def _promise(row: Mapping[str, Any], number: int) -> int:
    count, version = row.get("conversations"), row.get("version")
    if row["kullm"] != _FORM or type(count) is not int or count < 0 or type(version) is not int:
        raise _fault(number, say("kullm의 대화 파일이 아니에요", "this is no file of kullm's conversations"))
    if version > _VERSION:
        raise _fault(
            number, say("더 새로운 kullm이 쓴 파일이에요. kullm을 올려 주세요", "a newer kullm wrote it; upgrade kullm")
        )
    return count


def _require_all(found: Sequence[PortableConversation], promised: int) -> None:
    if promised < 0 and not found:
        return
    if len(found) != promised:
        raise ImportRefused(
            say(
                f"대화 {promised}개가 있어야 하는데 {len(found)}개뿐이에요. 파일이 중간에 끊긴 것 같아요.",
                f"{promised} conversations should be there and {len(found)} are. The file seems to be cut off.",
            )
        )


class _Wrong(Exception):
    """What is wrong with one line, without where it stands."""


def _conversation(row: Mapping[str, Any]) -> PortableConversation:
    key = _text(row, "key", longest=_LONGEST_KEY)
    rows = row.get("messages")
    if not key or not isinstance(rows, list):
        raise _Wrong(say("key나 messages가 없어요", "without key or messages"))
    numbers: set[int] = set()
    messages = []
    for message in rows:
        if not isinstance(message, dict):
            raise _Wrong(say("메시지가 객체가 아니에요", "a message is no object"))
        messages.append(_message(message, numbers))
        numbers.add(messages[-1].number)
    leaf = row.get("leaf")
    return PortableConversation(
        key,
        title_of(_text(row, "title")),
        _time(row, "created"),
        _time(row, "updated"),
        tuple(messages),
        row.get("pinned") is True,
        leaf if leaf in numbers else None,
    )


def _message(row: Mapping[str, Any], numbers: set[int]) -> PortableMessage:
    number, parent = row.get("number"), row.get("parent")
    if type(number) is not int or number in numbers or (parent is not None and type(parent) is not int):
        raise _Wrong(say("메시지의 번호가 잘못되었어요", "the number of a message is wrong"))
    if parent is not None and parent not in numbers:
        raise _Wrong(say(f"메시지 {number}의 앞 메시지가 없어요", f"the message before message {number} is missing"))
    return PortableMessage(
        number=number,
        parent=parent,
        role=_one_of(row, "role", ROLES),
        content=_text(row, "content"),
        created=_time(row, "created"),
        input=_text(row, "input") if "input" in row else "",
        thinking=_text(row, "thinking") if "thinking" in row else "",
        state=_one_of(row, "state", get_args(FinalState)),
        mark=_one_of(row, "mark", get_args(Mark)) if "mark" in row else None,
        corrects=_corrected(row, numbers),
        **{
            name: _text(row, name) for name in ("error", "model", "adapter", "template", "prompt_sha256") if name in row
        },
        **{name: _count(row, name) for name in ("prompt_tokens", "completion_tokens") if name in row},
        **{name: _facts(row, name) for name in ("parameters", "timings") if name in row},
    )


def _corrected(row: Mapping[str, Any], numbers: set[int]) -> int | None:
    corrects = row.get("corrects")
    if corrects is not None and (type(corrects) is not int or corrects not in numbers):
        number = row["number"]
        raise _Wrong(
            say(f"메시지 {number}: 고친 원래 답이 없어요", f"the reply that message {number} corrects is missing")
        )
    return corrects


def _text(row: Mapping[str, Any], name: str, *, longest: int | None = None) -> Any:
    value = row.get(name)
    if not isinstance(value, str) or (longest and len(value) > longest):
        raise _Wrong(say(f"{name} 값이 글이 아니에요", f"{name} is no text"))
    return storable(value)


def _one_of(row: Mapping[str, Any], name: str, choices: Sequence[str]) -> Any:
    value = row.get(name)
    if value not in choices:
        raise _Wrong(say(f"{name}: {choices} 중 하나여야 해요", f"{name} must be one of {choices}"))
    return value


def _count(row: Mapping[str, Any], name: str) -> Any:
    value = row[name]
    if type(value) is not int or not 0 <= value < _MOST_TOKENS:
        raise _Wrong(say(f"{name} 값이 수가 아니에요", f"{name} is no number"))
    return value


def _facts(row: Mapping[str, Any], name: str) -> Any:
    value = row[name]
    try:
        if not isinstance(value, dict):
            raise _Wrong(say(f"{name} 값이 객체가 아니에요", f"{name} is no object"))
        return json.loads(storable(json.dumps(value, ensure_ascii=False, allow_nan=False)))
    except (ValueError, RecursionError) as error:
        raise _Wrong(say(f"{name}에 쓸 수 없는 값이 있어요", f"{name} holds what cannot be kept")) from error


def _time(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    # NaN is in no range.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST_TIME:
        raise _Wrong(say(f"{name} 값이 시각이 아니에요", f"{name} is no time"))
    return float(value)


def _fault(number: int, fault: str) -> ImportRefused:
    return ImportRefused(say(f"{number}번째 줄: {fault}.", f"line {number}: {fault}."))
