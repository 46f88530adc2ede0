"""What a value in one of the user's TOML files may be. Every fault of a table is found; none stops the reading."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from kullm_tui.core.language import say

Rule = Callable[[object], Any]


class Fault(Exception):
    """What is wrong with a value; never seen outside the reading of its table."""


def checked(
    table: Mapping[str, Any], rules: Mapping[str, Rule], where: str, faults: list[str], *, known: Iterable[str] = ()
) -> dict[str, Any]:
    """The values of the table that pass their rules; every fault is added to the list. `known` keys are read elsewhere."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in rules:
            try:
                values[key] = rules[key](value)
            except Fault as fault:
                faults.append(f"{where}{key}: {fault}")
        elif key not in known:
            faults.append(f"{where}{key}: {unknown_key(key, [*rules, *known])}")
    return values


def unknown_key(key: str, known: Iterable[str]) -> str:
    near = did_you_mean(key, known)
    return say("알 수 없는 항목이에요", "is not known here") + (f".{near}" if near else "")


def did_you_mean(name: str, known: Iterable[str], *, shown: Callable[[str], str] = str) -> str:
    """A sentence that stands behind another and names the nearest; empty where none is near."""
    for near in difflib.get_close_matches(name, list(known), n=1, cutoff=0.6):
        return say(f" 혹시 {shown(near)}인가요?", f" Did you mean {shown(near)}?")
    return ""


def text(value: object) -> str:
    if not isinstance(value, str) or min(value, default=" ") < " ":
        raise Fault(say("한 줄의 글이어야 해요", "must be one line of text"))
    return value


def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise Fault(say("글의 목록이어야 해요", "must be a list of texts"))
    return tuple(value)


def each(rule: Rule) -> Rule:
    """A list, every item of which passes the rule."""
    return lambda value: tuple(rule(item) for item in texts(value))


def table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Fault(say("표여야 해요", "must be a table"))
    return value


def tables(name: str) -> Rule:
    """Of a file's [[name]]."""

    def read(value: object) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise Fault(say(f"[[{name}]] 표들이어야 해요", f"must be tables, [[{name}]]"))
        return value

    return read


def truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise Fault(say("true나 false여야 해요", "must be true or false"))
    return value


def one_of(*choices: str) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            listed = ", ".join(f'"{choice}"' for choice in choices if choice)
            raise Fault(say(f"다음 중 하나여야 해요: {listed}", f"must be one of {listed}"))
        return value

    return rule


def number(low: float, high: float) -> Rule:
    def rule(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Fault(say(f"{low:g}에서 {high:g} 사이의 수여야 해요", f"must be a number from {low:g} to {high:g}"))
        return value

    return rule


def whole(low: int, high: int) -> Rule:
    def rule(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Fault(say(f"{low}에서 {high} 사이의 정수여야 해요", f"must be a whole number from {low} to {high}"))
        return value

    return rule


def matching(pattern: str, korean: str, english: str) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Fault(say(korean, english))
        return value

    return rule


def web_address(value: object) -> str:
    """An address that every parser reads alike: no user part, no spaces, no backslash."""
    fault = Fault(
        say(
            '"https://주소/v1" 형식이어야 해요(이름과 비밀번호는 넣지 않아요)',
            'must look like "https://host/v1", without a user name or password',
        )
    )
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s\\@?#]+", value):
        raise fault
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise fault from None
    if not parts.hostname or port == 0:
        raise fault
    return value.rstrip("/")
