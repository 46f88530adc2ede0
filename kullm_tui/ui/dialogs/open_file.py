"""A file to be opened: a path, completed while one types, and what was wrong with the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core import paths
from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, begin
from kullm_tui.ui.dialogs.dialog import Dialog, T
from kullm_tui.ui.dialogs.text_file import Attachment, completions, read_attachment
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.row_list import Row, Rows


@dataclass(frozen=True)
class PathRow:
    path: str
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        """The end of a path says most."""
        name = plain(self.path)
        return Content.assemble(" ", name if name.cell_length < width else name[-(width // 2) :])


class OpenFile(Dialog[T]):
    """Closes with what was read; None where it was closed without."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False, priority=True),
        Binding("down", "into_list", show=False),
    ]
    CSS = """
    OpenFile .dialog { width: 76; height: 18; padding: 1 2; }
    OpenFile .hint { color: $quiet; height: 1; margin-bottom: 1; }
    OpenFile Input { margin-bottom: 1; }
    """

    def __init__(
        self, read: Callable[[Path], T], question: str, taken: str, *, offered: Callable[[], Sequence[PathRow]] = list
    ) -> None:
        """`read` is called in a thread, and its KullmError is told; `taken` says what can be read; `offered`, in a thread too, is what there
        is beside files."""
        super().__init__()
        self._read, self._question, self._taken, self._offered = read, question, taken, offered

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False)
            yield Static(
                f"{say('⇥ 자동 완성', '⇥ completes')} · {self._taken}",
                classes="hint",
                markup=False,
            )
            yield Input(placeholder=say("경로", "path"))
            yield Static(classes="dialog--fault", markup=False)
            yield Rows(id="paths")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._typed()

    @on(Input.Changed)
    def _typed(self) -> None:
        self.tell()
        begin(self, partial(self._list, self.query_one(Input).value), self._failed, group="paths", exclusive=True)

    async def _list(self, typed: str) -> None:
        rows = await asyncio.to_thread(self._rows, typed)
        self.query_one(Rows).show(rows, 0 if rows else None)

    def _rows(self, typed: str) -> list[Row]:
        named = [row for row in self._offered() if typed in row.path]
        return [*named, *(PathRow(path) for path in completions(typed))]

    def action_complete(self) -> None:
        rows = self.query_one(Rows)
        row = rows.rows[rows.chosen] if rows.chosen is not None else None
        if isinstance(row, PathRow):
            self._fill(row.path)

    def _fill(self, path: str) -> None:
        line = self.query_one(Input)
        line.value = path
        line.focus()
        line.cursor_position = len(path)

    def action_into_list(self) -> None:
        rows = self.query_one(Rows)
        rows.focus()

    @on(Rows.LeftAtTop)
    def _to_line(self) -> None:
        self.query_one(Input).focus()

    @on(Rows.Taken)
    def _picked(self, event: Rows.Taken) -> None:
        event.stop()
        row = event.rows.rows[event.index]
        if isinstance(row, PathRow):
            self._fill(row.path)
            if not row.path.endswith("/"):
                self.action_accept()

    @on(Input.Submitted)
    def action_accept(self) -> None:
        typed = self.query_one(Input).value.strip()
        if len(typed) > 1 and typed[0] == typed[-1] and typed[0] in "'\"":  # as some terminals drop a file
            typed = typed[1:-1]
        if typed:
            begin(self, partial(self._open, paths.typed(typed)), self._failed, group="reading", exclusive=True)

    async def _open(self, path: Path) -> None:
        self.dismiss(await asyncio.to_thread(self._read, path))

    def _failed(self, error: Fault) -> None:
        self.tell(str(error))


def text_file(question: str) -> OpenFile[Attachment]:
    return OpenFile(read_attachment, question, say("UTF-8, CP949 · 1 MB까지", "UTF-8, CP949 · up to 1 MB"))
