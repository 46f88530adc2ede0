"""What is known of judges: which to prefer, and what each takes beside the texts. The shipped judges.toml, and the user's own before it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.rubric import Mode, Rubric
from kullm_tui.core import rules
from kullm_tui.core.language import say
from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.paths import config_file

_SHIPPED = Path(__file__).with_name("judges.toml")


@dataclass(frozen=True)
class JudgeTable:
    preferred: tuple[str, ...]
    keeps_to_a_schema: str  # a pattern; empty: as the other table says
    parameters: tuple[Mapping[str, Any], ...]  # the first whose `match` fits a model's whole name counts


@dataclass(frozen=True)
class Cap:
    """How long a reply may be, and the parameter that says so; an empty one where the server takes none."""

    parameter: str
    tokens: int


CAPS = ("max_tokens", "max_completion_tokens")
_CAP_FIELDS = ("match", "cap", "most_tokens")


def users_judges_file() -> Path:
    return config_file().with_name("judges.toml")


def judge_table() -> JudgeTable:
    shipped, path = _read(_SHIPPED), users_judges_file()
    if not path.exists():
        return shipped
    own = _read(path)
    return JudgeTable(
        own.preferred or shipped.preferred,
        own.keeps_to_a_schema or shipped.keeps_to_a_schema,
        own.parameters + shipped.parameters,
    )


def judge_parameters(model: str) -> dict[str, Any]:
    """What this model takes beside the texts."""
    for row in judge_table().parameters:
        if re.fullmatch(row["match"], model):
            return {name: value for name, value in row.items() if name not in _CAP_FIELDS}
    return {}


def reply_cap(model: str, parameters: Mapping[str, Any]) -> Cap:
    """One among the judge's own parameters comes first: it was asked for, and is part of what decides a verdict."""
    own = next((name for name in CAPS if name in parameters), None)
    if own:
        return Cap(own, int(parameters[own]))
    rows = (row for row in judge_table().parameters if "most_tokens" in row and re.fullmatch(row["match"], model))
    row = next(rows)  # the shipped table's last one fits every name
    return Cap(row.get("cap", CAPS[0]), row["most_tokens"])


def usual_mode(model: str, rubric: Rubric) -> Mode:
    """Strict, with a reason, where the model is known to keep to a schema; else as the rubric is meant."""
    return "strict" if re.fullmatch(judge_table().keeps_to_a_schema, model) else rubric.mode


def _pattern(value: object) -> str:
    text = rules.text(value)
    try:
        re.compile(text)
    except re.error as error:
        raise rules.Fault(str(error)) from error
    return text


_RULES: Mapping[str, rules.Rule] = {"preferred": rules.texts, "keeps_to_a_schema": _pattern}
_PARAMETERS: Mapping[str, rules.Rule] = {
    "match": _pattern,
    "temperature": rules.number(0, 2),
    "top_p": rules.number(0, 1),
    "seed": rules.whole(0, 2**31),
    "max_tokens": rules.whole(1, 1_000_000),
    "max_completion_tokens": rules.whole(1, 1_000_000),
    "reasoning_effort": rules.text,
    "service_tier": rules.text,
    "cap": rules.one_of(*CAPS),
    "most_tokens": rules.whole(1, 1_000_000),
}


def _read(path: Path) -> JudgeTable:
    file, faults = OwnToml(path, "채점자 표를"), list[str]()
    table = file.tables()
    values = rules.checked(table, _RULES, "", faults, known=("parameters",))
    rows = table.get("parameters", [])
    found = [
        _row(row, f"parameters[{number}]", faults)
        for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1)
    ]
    if faults:
        raise file.rejected(faults)
    return JudgeTable(values.get("preferred", ()), values.get("keeps_to_a_schema", ""), tuple(found))


def _row(row: object, where: str, faults: list[str]) -> Mapping[str, Any]:
    if not isinstance(row, dict) or "match" not in row:
        faults.append(f"{where}: {say('match가 있어야 해요', 'must have match')}")
        return {}
    return rules.checked(row, _PARAMETERS, f"{where}.", faults)
