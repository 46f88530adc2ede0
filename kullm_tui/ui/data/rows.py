"""What the rows screen shows: what was kept, or what went for one reason; read in a thread, drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import overload

from textual.content import Content

from data.builder.workshop import own_workshop
from data.looking import Finished, rejected
from data.patches import patch_file, read_patch
from data.row import Row
from data.shelf import BuiltFacts
from data.text import reason_text, step_text
from kullm_tui.core.language import say
from kullm_tui.ui.data.text import row_line
from kullm_tui.ui.widgets import row_list

MOST_REJECTED = 5_000  # of one reason, to be looked at


@dataclass(frozen=True)
class Filter:
    """Which rows: those that are kept (of an output), or those that a step rejected for one reason."""

    output: str = ""
    step: str = ""
    reason: str = ""
    count: int = 0

    @property
    def told(self) -> str:
        if self.reason:
            return f"{step_text(self.step)} · {reason_text(self.reason)} · {self.count:,}"
        return say(f"쓰는 행 · {self.output} · {self.count:,}", f"kept · {self.output} · {self.count:,}")


@dataclass(frozen=True)
class Seen:
    row: Row
    reason: str = ""
    detail: str = ""


def filters_of(facts: BuiltFacts) -> list[Filter]:
    kept = [Filter(output=one.name, count=one.rows) for one in sorted(facts.outputs, key=lambda one: -one.rows)]
    counted: dict[tuple[str, str], int] = {}
    for step in facts.steps:
        for reason, count in step.counts.rejected.items():
            counted[step.step, reason] = counted.get((step.step, reason), 0) + count
    return kept + [Filter(step=step, reason=reason, count=count) for (step, reason), count in counted.items()]


class Shown(Sequence[row_list.Row]):
    """The rows of one filter, as lines of a list; what was done to a row by hand is its mark."""

    def __init__(self, facts: BuiltFacts, chosen: Filter, words: str = "") -> None:
        """It reads files."""
        self._changes = dict(read_patch(patch_file(facts.folder.name)).changes)
        if chosen.reason:
            found = rejected(facts, own_workshop(), step=chosen.step, reason=chosen.reason)
            self._rejected = [
                Seen(one.rejection.row, one.rejection.reason, one.rejection.detail)
                for one in islice(found, MOST_REJECTED)
            ]
            self._finished = None
            places: Sequence[int] = range(len(self._rejected))
        else:
            output = next(one for one in facts.outputs if one.name == chosen.output)
            self._finished = Finished(output).open()
            places = range(len(self._finished))
        self._places = [place for place in places if _holds(self._at(place).row, words)] if words else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> row_list.Row: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[row_list.Row]: ...

    def __getitem__(self, place: int | slice) -> row_list.Row | Sequence[row_list.Row]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return _Line(self, place)

    def seen(self, place: int) -> Seen:
        return self._at(self._places[place])

    def mark(self, row: Row) -> str:
        change = self._changes.get(row.id)
        return "" if change is None else "−" if change.get("drop") else "✎"

    def close(self) -> None:
        if self._finished:
            self._finished.close()

    def _at(self, place: int) -> Seen:
        return Seen(self._finished.row(place)) if self._finished else self._rejected[place]


@dataclass(frozen=True)
class _Line:
    shown: Shown
    place: int
    height: int = 1
    choosable: bool = True

    @cached_property
    def _seen(self) -> Seen:
        return self.shown.seen(self.place)

    def draw(self, _line: int, width: int, /) -> Content:
        return row_line(self._seen.row, self.shown.mark(self._seen.row), width)


def _holds(row: Row, words: str) -> bool:
    text = "\n".join((*row.texts, *(one.content for one in row.original))).casefold()
    return all(part in text for part in words.casefold().split())
