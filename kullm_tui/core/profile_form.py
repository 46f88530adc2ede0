"""The form of a profile in TOML: which keys there are and what each may hold. Every fault is found, none stops the reading."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kullm_tui.core.language import say
from kullm_tui.core.templates.registry import TEMPLATES

OWN_TEMPLATE = "tokenizer"  # the chat template that comes with the model

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class Fault(Exception):
    pass


Rule = Callable[[object], Any]


def checked(table: Mapping[str, Any], rules: Mapping[str, Rule], where: str, faults: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        try:
            values[key] = rules.get(key, _unknown(key, rules))(value)
        except Fault as fault:
            faults.append(f"{where}.{key}: {fault}")
    return values


def _unknown(key: str, known: Iterable[str]) -> Rule:
    def rule(_value: object) -> None:
        near = nearest(key, known)
        if near:
            raise Fault(say(f"모르는 항목입니다. 혹시 {near}인가요?", f"is not known here. Did you mean {near}?"))
        raise Fault(say("모르는 항목입니다", "is not known here"))

    return rule


def nearest(name: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.4)), None)


def _text(value: object) -> str:
    if not isinstance(value, str) or any(ord(character) < 32 for character in value):
        raise Fault(say("한 줄의 글이어야 합니다", "must be one line of text"))
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise Fault(say("글의 목록이어야 합니다", "must be a list of texts"))
    return tuple(value)


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Fault(say("표여야 합니다", "must be a table"))
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise Fault(say("true나 false여야 합니다", "must be true or false"))
    return value


def _one_of(*choices: str) -> Rule:
    def rule(value: object) -> object:
        if value not in choices:
            listed = ", ".join(choices)
            raise Fault(say(f"다음 가운데 하나여야 합니다: {listed}", f"must be one of {listed}"))
        return value

    return rule


def _number(low: float, high: float) -> Rule:
    def rule(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Fault(say(f"{low:g}에서 {high:g} 사이의 수여야 합니다", f"must be a number from {low:g} to {high:g}"))
        return value

    return rule


def _whole(low: int, high: int) -> Rule:
    def rule(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Fault(say(f"{low}에서 {high} 사이의 정수여야 합니다", f"must be a whole number from {low} to {high}"))
        return value

    return rule


def _token_ids(value: object) -> tuple[int, ...]:
    ids = value if isinstance(value, list) else [value]
    return tuple(_token_id(one) for one in ids)


def _template(value: object) -> str:
    if isinstance(value, str) and (value in TEMPLATES or value == OWN_TEMPLATE):
        return value
    known = [*TEMPLATES, OWN_TEMPLATE]
    choice = nearest(str(value), known) or ", ".join(known)
    raise Fault(say(f"그런 템플릿이 없습니다. 혹시 {choice}인가요?", f"is no template. Did you mean {choice}?"))


def _matching(pattern: str, korean: str, english: str) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Fault(say(korean, english))
        return value

    return rule


_token_id = _whole(0, 10_000_000)
DECODING_RULES: Mapping[str, Rule] = {
    "max_new_tokens": _whole(1, 1_000_000),
    "temperature": _number(0, 10),
    "top_p": _number(0, 1),
    "top_k": _whole(0, 1_000_000),
    "repetition_penalty": _number(0.1, 10),
    "no_repeat_ngram_size": _whole(0, 1000),
    "num_beams": _whole(1, 64),
    "do_sample": _truth,
}
PROFILE_RULES: Mapping[str, Rule] = {
    "title": _text,
    "kind": _one_of("weights", "adapter", "endpoint"),
    "repository": _matching(r"[\w.-]+/[\w.-]+", '"주인/저장소" 꼴이어야 합니다', 'must look like "owner/repository"'),
    "revision": _matching(r"[\w.-]+(/[\w.-]+)*", "판 이름이 아닙니다", "is no name of a revision"),
    "folder": _text,
    "base": _text,
    "template": _template,
    "stop": _texts,
    "context": _whole(1, 100_000_000),
    "eos": _token_ids,
    "bos": _token_id,
    "pad": _token_id,
    "decoding": _table,
    "licence": _text,
    "licence_class": _one_of("commercial", "research"),
    "size_4bit_gb": _number(0.01, 10_000),
    "source": _text,
    "description": _text,
    "verified": _truth,
    "runs_here": _truth,
    "note_korean": _text,
    "note_english": _text,
    "endpoint": _matching(
        r"https?://[^\s\\@?#]+", '"https://주소/v1" 꼴이어야 합니다', 'must look like "https://host/v1"'
    ),
    "model": _text,
    "key": _matching(
        r"[A-Za-z_][A-Za-z0-9_]*",
        "`kullm keys set 이름`으로 넣은 키의 이름이어야 합니다",
        "must be the name of a key stored with `kullm keys set NAME`",
    ),
}
