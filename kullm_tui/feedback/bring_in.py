"""Files of pairs and rows into the store, as what could have been said in a conversation: replies preferred to others, and kept ones.

    root ─ question ┬ rejected reply          by whom the file says, else by the file's name
                    └ chosen reply            preferred to it, by a model too
         ─ question ─ reply                   marked as good: a row without a rejected one

So they are listed, marked, corrected and deleted like any other feedback. What is there already does not come in again.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.never import Never
from data.sources.files import place_of, rows_of_file
from data.sources.raw import BadLine
from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.language import say
from kullm_tui.core.records import BadRecord
from kullm_tui.core.store.portable import PortableConversation, PortableMessage
from kullm_tui.core.store.store import Store
from kullm_tui.core.store.titles import title_of
from kullm_tui.core.text import storable
from kullm_tui.feedback.forms import read
from kullm_tui.feedback.lessons import lessons_in
from kullm_tui.feedback.taught import Taught

_ROWS_OF_A_CONVERSATION = 500  # more are hard to look through


@dataclass(frozen=True)
class Fault:
    place: str
    detail: str


@dataclass(frozen=True)
class BroughtIn:
    new: int
    known: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class _FileRow:
    taught: Taught
    chosen_by: str
    rejected_by: str


def bring_in(store: Store, path: Path) -> BroughtIn:
    """ImportRefused where no row of the file can be read."""
    rows, faults = _rows_of(path)
    if not rows:
        why = f" {faults[0].place}: {faults[0].detail}" if faults else ""
        raise ImportRefused(
            say(
                f"{path}: 피드백으로 읽을 행이 없어요.{why}",
                f"{path}: no row in it can be read as feedback.{why}",
            )
        )
    never = Never(store.never_texts())
    allowed = [row for row in rows if not never.is_in(row.taught.texts)]
    if forbidden := len(rows) - len(allowed):
        told = say(
            f"학습 제외로 표시한 답이 든 행 {forbidden}개", f"{forbidden} rows with a reply that is not for training"
        )
        faults.append(Fault(path.name, told))
    there = {one.key for one in lessons_in(store).every}
    fresh = {row.taught.key: row for row in reversed(allowed) if row.taught.key not in there}
    store.keep(list(_conversations(list(fresh.values())[::-1], path.name)))
    return BroughtIn(len(fresh), len(allowed) - len(fresh), tuple(faults))


def _rows_of(path: Path) -> tuple[list[_FileRow], list[Fault]]:
    rows, faults = list[_FileRow](), list[Fault]()
    for raw in rows_of_file(path):
        try:
            if isinstance(raw, BadLine):
                raise BadRecord(raw.fault)
            by = (_name_in(raw.fields, f"{reply}_model") or path.stem for reply in ("chosen", "rejected"))
            rows.append(_FileRow(read(raw.fields), *by))
        except BadRecord as fault:
            faults.append(Fault(place_of(path.name, raw), str(fault)))
    return rows, faults


def _name_in(fields: Mapping[str, Any], column: str) -> str:
    name = fields.get(column)
    return name if isinstance(name, str) else ""


def _conversations(rows: Sequence[_FileRow], name: str) -> Iterator[PortableConversation]:
    for start in range(0, len(rows), _ROWS_OF_A_CONVERSATION):
        tree = _Tree()
        for row in rows[start : start + _ROWS_OF_A_CONVERSATION]:
            tree.add(row)
        said = json.dumps([[one.parent, one.role, one.content, one.input] for one in tree.messages])
        key = f"feedback-{hashlib.sha256(said.encode()).hexdigest()[:32]}"
        title = title_of(say(f"가져온 피드백: {name}", f"feedback from {name}"))
        yield PortableConversation(key, title, tree.now, tree.now, tuple(tree.messages))


@dataclass
class _Tree:
    """Rows with a common beginning share it; each has replies of its own."""

    messages: list[PortableMessage] = field(default_factory=list)
    now: float = field(default_factory=time.time)
    _numbers: dict[tuple[int | None, str, str, str], int] = field(default_factory=dict)

    def add(self, row: _FileRow) -> None:
        at: int | None = None
        for one in row.taught.prompt:
            place = (at, one.role, one.content, one.input)
            if place not in self._numbers:
                self._numbers[place] = self._put(at, one.role, one.content, input=storable(one.input))
            at = self._numbers[place]
        chosen_by, rejected_by = storable(row.chosen_by), storable(row.rejected_by)
        if row.taught.rejected is None:
            self._put(at, "assistant", row.taught.chosen, model=chosen_by, mark="keep")
        else:
            original = self._put(at, "assistant", row.taught.rejected, model=rejected_by)
            self._put(at, "assistant", row.taught.chosen, model=chosen_by, corrects=original)

    def _put(self, parent: int | None, role: Any, content: str, **facts: Any) -> int:
        number = len(self.messages) + 1
        self.messages.append(PortableMessage(number, parent, role, storable(content), self.now, **facts))
        return number
