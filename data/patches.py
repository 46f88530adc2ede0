"""What somebody changed by hand: rows edited or dropped, kept as lines and replayed at every build, after translation and before the filters.

state/data/patches/MIXTURE.jsonl, one line a change, the last one of a row counts:

    {"id": …, "drop": true, "why": …}      {"id": …, "messages": [{"role": …, "content": …}, …]}      {"id": …, "undo": true}
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from data.row import Rejection, Row
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.records import Message


def patch_file(mixture: str) -> Path:
    return paths.state_dir() / "data" / "patches" / f"{mixture}.jsonl"


def drop(file: Path, row: Row, why: str = "") -> None:
    _append(file, {"id": row.id, "drop": True, "why": why})


def edit(file: Path, row: Row, messages: Sequence[Message]) -> None:
    turns = [{"role": one.role, "content": one.content, "input": one.input} for one in messages]
    _append(file, {"id": row.id, "messages": turns})


def undo(file: Path, row: Row) -> None:
    _append(file, {"id": row.id, "undo": True})


@dataclass(frozen=True)
class Patch:
    """A step of a build. Which rows it knows stands in it, so it is as picklable as they are few."""

    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    name: str = "patch"

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        told = json.dumps(self.changes, sort_keys=True, ensure_ascii=False)
        return {"changes": hashlib.sha256(told.encode()).hexdigest()}

    def __call__(self, row: Row) -> Row | Rejection:
        change = self.changes.get(row.id)
        if change is None:
            return row
        if change.get("drop"):
            return Rejection(row, "dropped-by-hand", str(change.get("why", "")))
        return replace(row, messages=tuple(Message(**one) for one in change["messages"]))


def read_patch(file: Path) -> Patch:
    """ConfigError names the line that is not understood: to leave out a change in silence would bring a dropped row back."""
    changes: dict[str, Mapping[str, Any]] = {}
    if not file.exists():
        return Patch()
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            change = _understood(foreign_json.parsed(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(
                say(
                    f"{file} {number}번째 줄을 읽을 수 없어요. 고치거나 지워 주세요.",
                    f"line {number} of {file} cannot be read. Correct or delete it.",
                )
            ) from error
        if change.get("undo"):
            changes.pop(change["id"], None)
        else:
            changes[change["id"]] = change
    return Patch(changes)


def _understood(change: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(change["id"], str):
        raise TypeError(change["id"])
    if not (change.get("drop") or change.get("undo")):
        for one in change["messages"]:
            Message(**one)
    return change


def _append(file: Path, change: Mapping[str, Any]) -> None:
    """The whole file anew: these files are short, and a line cut off would be a change that nobody made."""
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    publish(file, f"{before}{json.dumps(change, ensure_ascii=False)}\n", mode=0o600)
