"""Every source that is known by name: its size, its licence, what may be done with it, and where the figures come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from data.sources import text
from data.sources.catalogue import Source, sources
from kullm_tui.core.language import say
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.data import DATA_SOURCES
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.cells import cell, joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.row_list import Row, Rows
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.ui.host import Host


@dataclass(frozen=True)
class SourceRow:
    source: Source
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        one = self.source
        rows = f"{one.rows:,}" if one.rows else ""
        return Content.assemble(
            cell(safe_line(one.name), 20),
            " ",
            cell(rows, 11, right=True),
            "  ",
            cell(safe_line(text.licence_text(one)), 18),
            "  ",
            (safe_line(one.shown_title), "$quiet"),
        ).truncate(width, ellipsis=True)


class SourceRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "read_source", show=False)]

    def action_read_source(self) -> None:
        self.action_take()


class SourcesScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(DATA_SOURCES)
    AUTO_FOCUS = "#sources"
    CSS = """
    SourcesScreen #sources { height: 1fr; padding: 0 1; }
    SourcesScreen #about { height: auto; max-height: 50%; border-top: solid $rule; padding: 0 1; }
    SourcesScreen #about Static { width: 100%; }
    """

    def compose(self) -> ComposeResult:
        yield StatusLine(cast("Host", self.app).status, say("데이터 소스", "Sources of data"))
        yield SourceRows(id="sources")
        with VerticalScroll(id="about"):
            yield Static(id="facts", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(say("데이터 소스", "Sources of data"))
        self._sources = list(sources().values())
        rows: list[Row] = [SourceRow(one) for one in self._sources]
        self.query_one("#sources", Rows).show(rows, self.query_one("#sources", Rows).chosen or 0)
        self._tell()

    @on(Rows.Moved, "#sources")
    def _tell(self) -> None:
        place = self.query_one("#sources", Rows).chosen or 0
        facts = [(name, value) for name, value in text.facts(self._sources[place]) if value]
        lines = [Content.assemble((cell(name, 12)), " ", safe_line(value)) for name, value in facts]
        self.query_one("#facts", Static).update(joined(lines))

    @on(Rows.Taken, "#sources")
    def action_read_source(self) -> None:
        """What is known of it has the keys that scroll; escape leads back."""
        self.query_one("#about").focus()

    def action_leave_sources(self) -> None:
        if self.focused is self.query_one("#about"):
            self.query_one("#sources").focus()
        else:
            self.dismiss(None)
