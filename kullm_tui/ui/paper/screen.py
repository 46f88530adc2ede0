"""Studies: the tree of a study's stages with its progress, each stage's own command, the bill, beginning and stopping it, its report.

What was begun goes on whichever screen is shown; what another process is at is shown as that.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.studies.bill import bill_of
from kullm_tui.studies.shelf import known_studies
from kullm_tui.ui.background import Fault, Work, apart, begin, is_there
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.studies import STUDY
from kullm_tui.ui.paper.choosing import asked_file, asked_judges, asked_machine
from kullm_tui.ui.paper.looking import looked_at, planned, ready_to_begin
from kullm_tui.ui.paper.rows import StageRow, StageRows, rows_of
from kullm_tui.ui.paper.runs import Wishes
from kullm_tui.ui.paper.text import Look, stage_details, state_line, whole_details
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Rows
from kullm_tui.ui.widgets.segmented import Choice
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.studies.stages import Stage
    from kullm_tui.ui.paper.host import StudiesHost

_REDRAW_SECONDS = 0.5
_LOOK_SECONDS = 3.0  # at what another process is at


class PaperScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(STUDY)
    AUTO_FOCUS = "#stages"
    CSS = """
    PaperScreen Choice { padding: 0 1; }
    PaperScreen #state { height: 1; padding: 0 1; }
    PaperScreen #body { height: 1fr; border-top: solid $rule; }
    PaperScreen #stages { width: 50; height: 1fr; padding: 0 1; border-right: solid $rule; }
    PaperScreen #details { width: 1fr; height: 1fr; padding: 0 2; scrollbar-size-vertical: 1; }
    PaperScreen #details Static { width: 100%; height: auto; }
    PaperScreen Notice { max-height: 4; padding: 0 1; }
    PaperScreen.-narrow #body { layout: vertical; }
    PaperScreen.-narrow #stages { width: 100%; height: 9; border-right: none; border-bottom: solid $rule; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []  # as `load_study` takes them
        self._study = ""
        self._look: Look | None = None
        self._fault = ""  # why it cannot be read
        self._dirty = False
        self._looked = 0.0

    @property
    def host(self) -> StudiesHost:
        return cast("StudiesHost", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status, _title())
        yield Choice([], id="study")
        yield Static(id="state", markup=False)
        with Horizontal(id="body"):
            yield StageRows(id="stages")
            with VerticalScroll(id="details", can_focus=True):
                yield Static(markup=False)
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self._study = self.host.studies.shown
        self.host.studies.changed.subscribe(self, lambda _: self._mark())
        self.set_interval(_REDRAW_SECONDS, self._redraw)
        self.relabel()

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(_title())
        self._open(self._study)

    # -- what there is -------------------------------------------------------------------------------------------------

    def _open(self, name: str) -> None:
        if name != self._study:
            self._look, self._fault = None, ""
            self.query_one("#stages", Rows).show([])
        self._study = self.host.studies.shown = name
        self._draw()
        begin(self, self._read, self._unreadable, group="read", exclusive=True)

    async def _read(self) -> None:
        studies, name = self.host.studies, self._study
        self._names = await asyncio.to_thread(_all_names, [*studies.opened, name])
        choice = self.query_one(Choice)
        choice.rename([Path(one).stem for one in self._names])
        with self.prevent(Choice.Changed):
            choice.chosen = self._names.index(name)
        running, wishes = studies.of(name), studies.wishes.get(name, Wishes())
        is_active = bool(running and running.active)
        plan = running.plan if running and is_active else await apart(partial(planned, name, wishes))
        before = self._look
        self._look, self._fault = Look(name, plan, wishes, running=running), ""
        if before:
            self._look = replace(self._look, seen=before.seen, bill=before.bill, written=before.written)
        self._show_rows()
        await self._see()
        self._look.bill = await apart(partial(bill_of, plan))
        self._draw()

    def _unreadable(self, fault: Fault) -> None:
        self._look, self._fault = None, str(fault)
        self._show_rows()

    async def _see(self) -> None:
        look = self._look
        if look:
            self._looked = time.monotonic()
            look.seen, look.written = await apart(partial(looked_at, look.plan, is_ours=look.is_active))
            self._draw()

    def _show_rows(self) -> None:
        rows = self.query_one("#stages", Rows)
        is_new = not rows.rows
        shown = rows_of(self._look) if self._look else []
        chosen = rows.chosen if rows.chosen is not None and rows.chosen < len(shown) else 0
        rows.show(shown, chosen if shown else None)
        running = self._look.running if self._look else None
        if is_new and running and running.active and running.at:
            self.call_after_refresh(self._choose, running.at)  # into sight once there is one
        self._draw()

    def _mark(self) -> None:
        """Something was heard of the study under way; its end is looked at anew."""
        self._dirty = True
        look, active = self._look, self.host.studies.active
        if look and look.running is not self.host.studies.of(self._study):
            look.running = self.host.studies.of(self._study)
        if active is None:
            self._open(self._study)
            self._to_failed()

    def _to_failed(self) -> None:
        running = self.host.studies.of(self._study)
        if running and running.error and running.at:
            self._choose(running.at)
        elif running and running.error:
            self.tell(running.error, error=True)

    def _choose(self, stage: Stage) -> None:
        rows = self.query_one("#stages", Rows)
        places = [
            place for place, row in enumerate(rows.rows) if isinstance(row, StageRow) and row.stage.id == stage.id
        ]
        if places:
            rows.chosen = places[0]

    def _redraw(self) -> None:
        look = self._look
        if not self.is_current or look is None:
            return
        if self._dirty or look.is_active:
            self._dirty = False
            self._draw()
        elif look.seen.elsewhere and time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            begin(self, self._see, self._tell_fault, group="see", exclusive=True)

    def _draw(self) -> None:
        look = self._look
        self.query_one("#stages", Rows).refresh()
        self.query_one("#state", Static).update(state_line(look) if look else self._state_without())
        self.query_one("#details Static", Static).update(self._details(look))
        self.refresh_bindings()

    def _state_without(self) -> Content:
        if self._fault:
            return Content.styled(say("읽을 수 없는 연구예요.", "This study cannot be read."), "$error")
        return Content.styled(say("연구를 읽는 중 …", "reading the study …"), "$quiet")

    def _details(self, look: Look | None) -> Content:
        if look is None:
            return plain(self._fault).stylize("$error")
        width = self.query_one("#details").scrollable_content_region.width
        return stage_details(look, self.chosen, width) if self.chosen else whole_details(look, width)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    @property
    def chosen(self) -> Stage | None:
        """None where it is the study as a whole."""
        rows = self.query_one("#stages", Rows)
        row = rows.rows[rows.chosen] if rows.chosen is not None else None
        return row.stage if isinstance(row, StageRow) else None

    @on(Rows.Moved, "#stages")
    def _moved(self) -> None:
        self.tell()
        self._draw()
        self.query_one("#details").scroll_home(animate=False)

    @on(Choice.Changed)
    def _other(self, event: Choice.Changed) -> None:
        """Not where it is only said that there is a choice, before or after it was filled."""
        place = event.choice.chosen
        if place < len(self._names) and self._names[place] != self._study:
            self.tell()
            self._open(self._names[place])

    def tell(self, text: str = "", *, error: bool = False) -> None:
        self.query_one(Notice).tell(text, error=error)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        look = self._look if is_there(self) else None
        is_active = bool(look and look.is_active)
        if action == "begin_study":
            elsewhere = look.seen.elsewhere if look else None
            is_busy = is_active or (elsewhere and elsewhere.process)
            return bool(look and not is_busy and look.done < len(look.plan.stages))
        if action == "stop_study":
            return is_active
        if action == "report":
            return bool(look and look.written)
        if action in ("study_machine", "study_judges"):
            return bool(look and not is_active)
        return bool(look) if action in ("copy_stage_command", "read_stage") else True

    def action_begin_study(self) -> None:
        self.tell()
        begin(self, self._begin, self._tell_fault, group="begin", exclusive=True)

    async def _begin(self) -> None:
        from kullm_tui.ui.dialogs.ask import Confirm

        look = self._look
        if look is None:
            return
        self.tell(say("비용을 셈하는 중 …", "reckoning the bill …"))
        look.plan, look.bill, question = await apart(partial(ready_to_begin, look.name, look.wishes))
        self.tell()
        await self._see()
        self._show_rows()
        if question:
            asked = Confirm(question.asked, question.consequence, more=question.more, danger=question.spends)
            if not await self.app.push_screen_wait(asked):
                self.tell(say("시작하지 않았어요.", "Nothing was begun."))
                return
        self.host.studies.start(look.name, look.plan)
        self._mark()

    def action_stop_study(self) -> None:
        self.stop_replies()

    def stop_replies(self) -> bool:
        """Ctrl-c is here what it is in the shell."""
        is_active = bool(self._look and self._look.is_active)
        if is_active:
            self.host.studies.stop()
        return is_active

    def action_copy_stage_command(self) -> None:
        if self._look:
            self._run(partial(self._copy, self.chosen.shown_command if self.chosen else self._look.command))

    def action_report(self) -> None:
        if self._look and self._look.written:
            self._run(partial(self._open_report, self._look.written.page))

    async def _open_report(self, page: Path) -> None:
        """Where there is no window to open it in, its path goes to a browser."""
        from kullm_tui.core.desktop import open_on_desktop

        if await apart(partial(open_on_desktop, page)):
            self.tell(say(f"보고서를 열었어요: {page}", f"opened: {page}"))
        else:
            await self._copy(str(page))

    async def _copy(self, text: str) -> None:
        from kullm_tui.ui.terminal.clipboard import copy

        self.tell(f"{await copy(self.app, text)}: {text}")

    def action_other_study(self, step: int) -> None:
        if self._names:
            self.query_one(Choice).action_step(step)

    def action_study_file(self) -> None:
        self._run(self._choose_file)

    async def _choose_file(self) -> None:
        file = await asked_file(self.app)
        if file:
            self.host.studies.opened.append(file)
            self._open(file)

    def action_study_machine(self) -> None:
        self._run(self._choose_machine)

    async def _choose_machine(self) -> None:
        wishes = self._wishes
        machine = await asked_machine(self.app, wishes.machine)
        if machine is not None:
            self._wish(replace(wishes, machine=machine))

    def action_study_judges(self) -> None:
        self._run(self._choose_judges)

    async def _choose_judges(self) -> None:
        wishes = self._wishes
        judges = await asked_judges(self.app, wishes.judges)
        if judges is not None:
            self._wish(replace(wishes, judges=judges))

    @property
    def _wishes(self) -> Wishes:
        return self.host.studies.wishes.get(self._study, Wishes())

    def _wish(self, wishes: Wishes) -> None:
        self.host.studies.wishes[self._study] = wishes
        self._open(self._study)

    @on(Rows.Taken, "#stages")
    def action_read_stage(self) -> None:
        self.query_one("#details").focus()

    def action_leave_study(self) -> None:
        if self.query_one("#details").has_focus:
            self.query_one("#stages").focus()
        else:
            self.dismiss(None)

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.tell(str(fault), error=True)


def _title() -> str:
    return say("연구", "Studies")


def _all_names(opened: list[str]) -> list[str]:
    return list(dict.fromkeys([*known_studies(), *opened]))
