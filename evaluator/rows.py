"""Rows to be judged, from JSON lines: `{id, instruction, input, response}`. Every fault of a file is told together.

A response may be called `answer`, as in other evaluators' files.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator.pairwise import Pair
from evaluator.verdict import Item
from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

GOLD_SHARE = 0.5  # more answers than these that are the gold ones are no coincidence
_FAULTS_SHOWN = 5


class BadRows(KullmError):
    pass


@dataclass(frozen=True)
class Row:
    id: Any  # as the file has it, or the line's number
    model: str  # whose answer it is, where the file says so
    gold: str  # the right answer, where the file has one beside the response
    item: Item  # under an id that no other row has


@dataclass(frozen=True)
class PairRow:
    id: Any
    pair: Pair


def response_of(row: Mapping[str, Any]) -> object:
    """The model's answer under either name; None where there is none."""
    return row.get("response", row.get("answer"))


def read_rows(lines: Iterable[str]) -> list[Row]:
    rows = [_row(value, number) for number, value in _values(lines, _fault)]
    _refuse_gold(rows)
    return rows


def read_pairs(lines: Iterable[str]) -> list[PairRow]:
    """Rows of `{id, instruction, input, left, right}`."""
    return [_pair(value, number) for number, value in _values(lines, _pair_fault)]


def _values(lines: Iterable[str], fault_of: Callable[[object], str]) -> list[tuple[int, Mapping[str, Any]]]:
    """Every row with its line's number, or every fault."""
    found: list[tuple[int, Mapping[str, Any]]] = []
    faults: list[tuple[int, str]] = []
    for number, value, broken in json_lines(lines):
        if fault := broken or fault_of(value):
            faults.append((number, fault))
        else:
            found.append((number, value))
    if faults:
        raise BadRows(line_faults(faults))
    if not found:
        raise BadRows(say("채점할 행이 없어요.", "there are no rows to judge."))
    return found


def json_lines(lines: Iterable[str]) -> Iterator[tuple[int, Any, str]]:
    """Line by line its number, what it holds, and why it holds nothing; without the blank ones."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, foreign_json.parsed(line), ""
        except (ValueError, RecursionError) as error:
            yield number, None, say(f"JSON이 아니에요({cause_of(error)})", f"this is not JSON ({error})")


def line_faults(faults: Sequence[tuple[int, str]]) -> str:
    """The first of them, and how many more there are."""
    shown = [say(f"{number}행: {fault}", f"line {number}: {fault}") for number, fault in faults[:_FAULTS_SHOWN]]
    more = len(faults) - _FAULTS_SHOWN
    return "\n".join([*shown, *([say(f"… 그 밖에 {more}행", f"… and {more} more")] if more > 0 else [])])


def _row(value: Mapping[str, Any], number: int) -> Row:
    texts = (str(value.get("instruction", "")), str(value.get("input") or ""), str(response_of(value)))
    return Row(value.get("id", number), str(value.get("model") or ""), _gold(value), Item(str(number), *texts))


def _pair(value: Mapping[str, Any], number: int) -> PairRow:
    texts = (value["instruction"], str(value.get("input") or ""), value["left"], value["right"])
    return PairRow(value.get("id", number), Pair(str(number), *texts))


def _gold(value: Mapping[str, Any]) -> str:
    instances = value.get("instances")
    first = instances[0] if isinstance(instances, list) and instances and isinstance(instances[0], dict) else {}
    gold = value.get("output", first.get("output"))
    return gold.strip() if isinstance(gold, str) else ""


def _refuse_gold(rows: list[Row]) -> None:
    same = sum(bool(row.gold) and row.item.response.strip() == nfc(row.gold) for row in rows)
    if same / len(rows) > GOLD_SHARE:
        raise BadRows(
            say(
                f"{len(rows)}행 중 {same}행의 response가 정답(output)과 같아요. 정답은 채점하지 않아요. 모델의 답을 주세요.",
                f"in {same} of {len(rows)} rows the response is the gold answer (output), which is not judged. Give a model's answers.",
            )
        )


def _fault(value: object) -> str:
    if not isinstance(value, dict):
        return say("JSON 객체가 아니에요", "this is no JSON object")
    if response_of(value) is None and ("instances" in value or "output" in value):
        return say(
            "정답(output)을 답으로 채점하지 않아요. 모델의 답이라면 response라는 이름으로 주세요",
            "gold answers (output) are not judged as responses. If it is a model's answer, name the field response",
        )
    return _text_fault({**value, "response": response_of(value)}, ("instruction", "response"))


def _pair_fault(value: object) -> str:
    if not isinstance(value, dict):
        return say("JSON 객체가 아니에요", "this is no JSON object")
    return _text_fault(value, ("instruction", "left", "right"))


def _text_fault(value: Mapping[str, Any], names: Sequence[str]) -> str:
    for name in names:
        if not isinstance(value.get(name), str):
            return say(f"{name} 값은 글이어야 해요", f"{name} must be text")
    if not isinstance(value.get("input") or "", str):
        return say("input이 글이어야 해요", "input must be text")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return say("깨진 글자가 있어요", "there is a broken character")
    return ""
