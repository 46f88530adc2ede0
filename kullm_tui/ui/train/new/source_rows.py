"""What is trained on: a line for each source, and an empty one for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from kullm_tui.core.language import say
from kullm_tui.ui.train.new.field_row import FieldRow
from trainer.recipe_draft import source_key
from trainer.recipe_fields import BETWEEN_SOURCES


class SourceRows(Vertical):
    DEFAULT_CSS = """
    SourceRows { height: auto; }
    """

    @dataclass
    class Changed(Message):
        row: FieldRow

    def __init__(self, label: str, value: str) -> None:
        super().__init__()
        self._label = label
        self._begun = _parted(value)

    def compose(self) -> ComposeResult:
        for place, source in enumerate([*(self._begun or [""]), *([""] if self._begun else [])]):
            yield self._row(place, source)

    def _row(self, place: int, source: str) -> FieldRow:
        return FieldRow(source_key(place), "" if place else self._label, source, placeholder=_placeholder())

    @property
    def rows(self) -> list[FieldRow]:
        return list(self.query(FieldRow))

    @property
    def text(self) -> str:
        """As the recipe's field reads it."""
        return BETWEEN_SOURCES.join(row.text.strip() for row in self._filled())

    def _filled(self) -> list[FieldRow]:
        return [row for row in self.rows if row.text.strip()]

    def put(self, text: str) -> None:
        """In place of all that stand there."""
        sources, rows = _parted(text), self.rows
        for row, source in zip(rows, [*sources, *[""] * len(rows)], strict=False):
            row.text = source
        self.mount_all([self._row(place, sources[place]) for place in range(len(rows), len(sources))])
        self._settle()

    def take(self, source: str, *, is_untouched: bool) -> None:
        """Into the line with the focus; else beside the others, but in place of what a recipe came with."""
        focused = (row for row in self.rows if row.has_focus_within)
        row = next(focused, self.rows[0 if is_untouched else -1])
        row.text = source

    def tell(self, faults: Mapping[str, str]) -> None:
        """They are counted without the empty lines."""
        for row in self.rows:
            row.tell("")
        for place, row in enumerate(self._filled() or self.rows[:1]):
            row.tell(faults.get(source_key(place), ""))

    def mark(self, *, is_changed: bool) -> None:
        for row in self.rows:
            row.set_class(is_changed and bool(row.text.strip()), "-changed")

    def name_it(self, label: str) -> None:
        self._label = label
        for place, row in enumerate(self.rows):
            row.name_it("" if place else label, placeholder=_placeholder())

    @on(FieldRow.Changed)
    def _edited(self, event: FieldRow.Changed) -> None:
        event.stop()
        self._settle()
        self.post_message(self.Changed(event.row))

    def _settle(self) -> None:
        """One empty line at the end, and it is never the one with the focus that goes."""
        rows = self.rows
        if rows[-1].text.strip():
            self.mount(self._row(len(rows), ""))
        for row, before in zip(rows[:0:-1], rows[-2::-1], strict=True):
            if row.text.strip() or before.text.strip() or row.has_focus_within:
                return
            row.remove()


def _parted(text: str) -> Sequence[str]:
    return [source for source in text.split(BETWEEN_SOURCES) if source.strip()]


def _placeholder() -> str:
    return say("파일이나 mixture:이름 · F9로 고르기", "a file or mixture:NAME · F9 chooses")
