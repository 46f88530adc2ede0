"""A text file for the question: a path, completed while one types, and what was found out about the file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.ui.attachment import Attachment, completions, read_attachment
from kullm_tui.ui.places import DIALOG, bindings
from kullm_tui.ui.plain import plain
from kullm_tui.ui.widgets.rows import Row, Rows


@dataclass(frozen=True)
class PathRow:
    path: str
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        """The end of a path says most."""
        name = plain(self.path)
        return Content.assemble(" ", name if name.cell_length < width else name[-(width // 2) :])


class AttachScreen(ModalScreen[Attachment | None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(DIALOG),
        Binding("tab", "complete", show=False, priority=True),
        Binding("down", "into_list", show=False),
    ]
    CSS = """
    AttachScreen .dialog { width: 76; height: 18; padding: 1 2; }
    AttachScreen #fault { color: $error; height: auto; display: none; }
    AttachScreen #fault.-told { display: block; }
    AttachScreen .hint { color: $quiet; height: 1; margin-bottom: 1; }
    AttachScreen Input { margin-bottom: 1; }
    """

    def __init__(self, question: str = "") -> None:
        """`question` says what the file is for, where it is not to be attached."""
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        question = self._question or say("어떤 글 파일을 붙일까요?", "Which text file?")
        with Vertical(classes="dialog"):
            yield Static(question, classes="dialog--question", markup=False)
            yield Static(
                say("⇥ 이어 쓰기 · UTF-8, CP949 · 1 MB까지", "⇥ completes · UTF-8, CP949 · up to 1 MB"),
                classes="hint",
                markup=False,
            )
            yield Input(placeholder=say("경로", "path"))
            yield Static(id="fault", markup=False)
            yield Rows(id="paths")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._typed()

    @on(Input.Changed)
    def _typed(self) -> None:
        self.run_worker(self._list(self.query_one(Input).value), group="paths", exclusive=True, exit_on_error=False)

    async def _list(self, typed: str) -> None:
        self._tell("")
        found = await asyncio.to_thread(completions, typed)
        rows: list[Row] = [PathRow(path) for path in found]
        self.query_one(Rows).show(rows, 0 if rows else None)

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
    def _taken(self, event: Rows.Taken) -> None:
        event.stop()
        row = event.rows.rows[event.index]
        if isinstance(row, PathRow):
            self._fill(row.path)
            if not row.path.endswith("/"):
                self.action_accept()

    @on(Input.Submitted)
    def action_accept(self) -> None:
        typed = self.query_one(Input).value.strip()
        if typed:
            self.run_worker(self._read(Path(typed).expanduser()), group="reading", exclusive=True, exit_on_error=False)

    async def _read(self, path: Path) -> None:
        try:
            attachment = await asyncio.to_thread(read_attachment, path)
        except KullmError as error:
            self._tell(str(error))
            return
        self.dismiss(attachment)

    def _tell(self, text: str) -> None:
        line = self.query_one("#fault", Static)
        line.set_class(bool(text), "-told")
        line.update(plain(text))

    def action_cancel(self) -> None:
        self.dismiss(None)
