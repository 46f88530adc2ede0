"""Which columns of a row are read, and as what: ours by our names, others where somebody named them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kullm_tui.core import foreign_json, rules
from kullm_tui.core.language import say

COLUMNS = ("id", "instruction", "input", "output", "conversations")

# What other projects call them.
_ALIASES: Mapping[str, Sequence[str]] = {
    "instruction": (
        "question",
        "prompt",
        "query",
        "instruct",
        "user",
        "q",
        "질문",
        "지시",
        "지시어",
        "지시문",
        "명령어",
        "명령",
        "input",
    ),
    "input": ("context", "inputs", "맥락", "입력", "문맥", "지문"),
    "output": (
        "answer",
        "response",
        "completion",
        "reply",
        "outputs",
        "assistant",
        "target",
        "a",
        "답변",
        "응답",
        "출력",
        "대답",
        "답",
    ),
    "conversations": ("messages", "conversation", "dialogue", "dialog", "turns", "chat", "대화"),
}


def column_names(value: object) -> dict[str, str]:
    """The rule for a table of TOML that names them: ours on the left, the file's on the right."""
    columns = rules.table(value)
    for ours, theirs in columns.items():
        if ours not in COLUMNS:
            raise rules.Fault(f"{ours}: {rules.unknown_key(ours, COLUMNS)}")
        if not isinstance(theirs, str) or not (theirs or ours == "input"):  # "" leaves an input aside
            raise rules.Fault(say(f"{ours}에 열의 이름을 적어 주세요", f"{ours} must name a column"))
    return columns


def mapped(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The row under our names, without what is empty of any value. Naming the columns of one form leaves the other aside."""
    names = {ours: columns.get(ours, ours) for ours in COLUMNS}
    if "conversations" in columns and not {"instruction", "output"} & set(columns):
        names = {ours: names[ours] for ours in ("id", "conversations")}
    elif {"instruction", "output"} & set(columns) and "conversations" not in columns:
        del names["conversations"]
    found = {ours: row[theirs] for ours, theirs in names.items() if theirs and row.get(theirs) is not None}
    if "conversations" in found:
        found["conversations"] = _turns(found["conversations"])
    return found


def usable(found: Mapping[str, Any]) -> bool:
    return "conversations" in found or ("instruction" in found and "output" in found)


def likely(
    present: Sequence[str], columns: Mapping[str, str], wanted: Iterable[str] = ("instruction", "input", "output")
) -> dict[str, str]:
    """For each column of ours that is not there, one that may be it."""
    lower = {name.lower(): name for name in present}
    read = set(columns.values()) | {name for name in COLUMNS if name in present}
    turns = next((lower[alias] for alias in _ALIASES["conversations"] if alias in lower), None)
    if turns and "instruction" in wanted and not {"instruction", "output"} & set(present):
        return {"conversations": turns}
    found = {}
    for ours in wanted:
        if columns.get(ours, ours) in present:
            continue
        free = (lower[alias] for alias in (ours, *_ALIASES[ours]) if alias in lower)
        match = next((name for name in free if name not in read or name == "input" and ours == "instruction"), None)
        if match:
            found[ours] = match
            read.add(match)
    return found


def _turns(value: Any) -> Any:
    """A list of turns, also where a table holds it as JSON text or as one list a field."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return foreign_json.parsed(value)
        except ValueError:
            return value
    if isinstance(value, Mapping) and value and all(isinstance(column, list) for column in value.values()):
        return [dict(zip(value, turn, strict=True)) for turn in zip(*value.values(), strict=False)]
    return value
