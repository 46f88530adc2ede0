"""The data mode: every mixture, what was built of it, and building one. What is built goes on whichever screen is shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from data.shelf import Known, known_mixtures
from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, Work, begin, is_there
from kullm_tui.ui.data.builds import Building
from kullm_tui.ui.data.text import details, foot_line, head_line
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.data import DATA
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Row, Rows
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from data.priced import Price
    from kullm_tui.ui.data.host import DataHost

_REDRAW_SECONDS = 0.25


@dataclass
class MixtureRow:
    known: Known
    building: Building | None = None
    height: int = 2
    choosable: bool = True

    def draw(self, line: int, width: int, /) -> Content:
        return head_line(self.known, self.building, width) if line == 0 else foot_line(self.known, width)


class MixtureRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open_rows", show=False)]

    def action_open_rows(self) -> None:
        self.action_take()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As the screen's own, so that the footer has it only where there are rows."""
        return self.screen.check_action(action, parameters) if action == "open_rows" else True


class DataScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(DATA)
    AUTO_FOCUS = "#mixtures"
    CSS = """
    DataScreen #body { height: 1fr; }
    DataScreen #mixtures { width: 36; height: 1fr; padding: 0 1; border-right: solid $rule; }
    DataScreen #details { width: 1fr; height: 1fr; padding: 0 2; scrollbar-size-vertical: 1; }
    DataScreen #details Static { width: 100%; }
    DataScreen Notice { max-height: 4; padding: 0 1; }
    DataScreen.-narrow #body { layout: vertical; }
    DataScreen.-narrow #mixtures { width: 100%; height: 9; border-right: none; border-bottom: solid $rule; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[MixtureRow] = []

    @property
    def host(self) -> DataHost:
        return cast("DataHost", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        with Horizontal(id="body"):
            yield MixtureRows(id="mixtures")
            with VerticalScroll(id="details", can_focus=True):
                yield Static(id="facts", markup=False)
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self._dirty = False
        self.host.builds.changed.subscribe(self, lambda _: self._mark())
        self.set_interval(_REDRAW_SECONDS, self._redraw)
        self.look_again()

    def relabel(self) -> None:
        self.look_again()

    def on_screen_resume(self) -> None:
        self.look_again()

    # -- what there is -------------------------------------------------------------------------------------------------

    def look_again(self) -> None:
        begin(self, self._look, self._tell_fault, group="look", exclusive=True)

    async def _look(self) -> None:
        found = await asyncio.to_thread(known_mixtures)
        chosen = self.chosen.known.name if self.chosen else ""
        self._rows = [MixtureRow(one, self.host.builds.of(one.name)) for one in found]
        place = next((place for place, row in enumerate(self._rows) if row.known.name == chosen), 0)
        rows: list[Row] = list(self._rows)
        self.query_one("#mixtures", Rows).show(rows, place if rows else None)
        self._draw()

    def _mark(self) -> None:
        self._dirty = True
        if not self.host.builds.active:
            self.look_again()

    def _redraw(self) -> None:
        if self._dirty and self.is_current:
            self._dirty = False
            for row in self._rows:
                row.building = self.host.builds.of(row.known.name)
            self._draw()

    def _draw(self) -> None:
        row = self.chosen
        self.query_one("#mixtures", Rows).refresh()
        width = self.query_one("#details").scrollable_content_region.width
        facts = details(row.known, row.building, width) if row else Content("")
        self.query_one("#facts", Static).update(facts)
        self.refresh_bindings()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    @property
    def chosen(self) -> MixtureRow | None:
        place = self.query_one("#mixtures", Rows).chosen if is_there(self) else None
        return self._rows[place] if place is not None and place < len(self._rows) else None

    @on(Rows.Moved, "#mixtures")
    def _moved(self) -> None:
        self.tell()
        self._draw()

    def tell(self, text: str = "", *, error: bool = False) -> None:
        self.query_one(Notice).tell(text, error=error)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        row = self.chosen
        if action in ("open_rows", "train_on_it"):
            return bool(row and row.known.built)
        if action == "build":
            return bool(row and row.known.mixture and not self.host.builds.active)
        if action == "stop_build":
            return self.host.builds.active is not None
        return bool(row) if action in ("new_mixture", "copy_data_command") else True

    @on(Rows.Taken, "#mixtures")
    def action_open_rows(self) -> None:
        from kullm_tui.ui.data.rows_screen import RowsScreen

        if self.chosen and self.chosen.known.built:
            self.app.push_screen(RowsScreen(self.chosen.known))

    def action_build(self) -> None:
        if self.chosen:
            self.tell()
            self.host.builds.start(self.chosen.known.name, self._agree)
            self._mark()

    async def _agree(self, price: Price) -> bool:
        from kullm_tui.ui.dialogs.ask import Confirm

        answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        asked = Confirm(say("번역할까요?", "Translate?"), price.consequence, more=price.told)
        await self.app.push_screen(asked, lambda answer: answered.set_result(bool(answer)))
        return await answered

    def action_stop_build(self) -> None:
        if self.host.builds.active:
            self.host.builds.active.stop.set()
            self.tell(say("멈추는 중이에요. 한 일은 남아요.", "Stopping. What was done is kept."))

    def action_train_on_it(self) -> None:
        if self.chosen and self.chosen.known.built:
            outputs = self.chosen.known.built.outputs
            self._run(partial(self.host.train_on, str(max(outputs, key=lambda one: one.rows).lines)))

    def action_new_mixture(self) -> None:
        if self.chosen:
            self._run(partial(self._new_mixture, self.chosen.known))

    async def _new_mixture(self, known: Known) -> None:
        from data.manifest import copy_mixture, name_fault
        from kullm_tui.ui.dialogs.ask import AskLine

        asked = AskLine(
            say(
                f"{known.name} 혼합을 본떠 만들 혼합의 이름은요?",
                f"A name for the mixture after {known.name}?",
            ),
            button=say("파일 만들기", "Make the file"),
            fault=name_fault,
        )
        name = await self.app.push_screen_wait(asked)
        if name:
            path = await asyncio.to_thread(copy_mixture, known.name, name)
            self.tell(say(f"이 파일을 고치면 돼요: {path}", f"Change this file as you like: {path}"))
            self.look_again()

    async def action_feedback(self) -> None:
        await self.app.run_action("app.feedback")

    def action_show_sources(self) -> None:
        from kullm_tui.ui.data.sources_screen import SourcesScreen

        self.app.push_screen(SourcesScreen())

    def action_copy_data_command(self) -> None:
        if self.chosen:
            self._run(partial(self._copy, f"kullm data build {self.chosen.known.name}"))

    async def _copy(self, text: str) -> None:
        from kullm_tui.ui.terminal.clipboard import copy

        self.tell(f"{await copy(self.app, text)}: {text}")

    def action_leave_data(self) -> None:
        self.app.switch_mode("chat")

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.tell(str(fault), error=True)
