"""The training mode: every training on every machine, live, and the chosen one's page beside it or, in a small terminal, over it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, Work, apart, begin, is_there
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.train.actions import JobActions
from kullm_tui.ui.train.page.job_page import JobPage
from kullm_tui.ui.train.seen import Seen
from kullm_tui.ui.train.text import foot_line, head_line, invitation, summary, trouble_lines
from kullm_tui.ui.widgets.button import name_button
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Row, Rows
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.ui.train.host import TrainHost

_REDRAW_SECONDS = 0.5  # of what is under way
_MOST_OVERLAID = 6


@dataclass
class JobRow:
    seen: Seen
    doing: str = ""
    refusal: str = ""
    marked: bool = False
    height: int = 2
    choosable: bool = True

    def draw(self, line: int, width: int, /) -> Content:
        if line == 0:
            return head_line(self.seen, width, marked=self.marked)
        return foot_line(self.seen, width, self.doing, self.refusal)


class JobRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open_job", show=False)]

    def action_open_job(self) -> None:
        self.action_take()


class TrainScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN)
    AUTO_FOCUS = "#jobs"
    CSS = """
    TrainScreen #body { height: 1fr; }
    TrainScreen #listing { width: 52; height: 1fr; border-right: solid $rule; }
    TrainScreen #above { height: 1; padding: 0 1; color: $quiet; }
    TrainScreen #troubles { height: auto; max-height: 4; padding: 0 1; display: none; }
    TrainScreen #troubles.-shown { display: block; }
    TrainScreen #jobs { height: 1fr; padding: 0 1; }
    TrainScreen JobPage { width: 1fr; height: 1fr; }
    TrainScreen Notice { max-height: 4; padding: 0 1; }
    TrainScreen #nothing { display: none; height: 1fr; align: center middle; }
    TrainScreen #nothing Static { width: 62; max-width: 94%; }
    TrainScreen #nothing Button { margin: 1 0 0 0; }
    TrainScreen.-empty #nothing { display: block; }
    TrainScreen.-empty #body { display: none; }
    TrainScreen.-narrow #listing { width: 1fr; border-right: none; }
    TrainScreen.-narrow JobPage { display: none; }
    TrainScreen.-narrow.-reading JobPage { display: block; }
    TrainScreen.-narrow.-reading #listing { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[JobRow] = []
        self._marked: set[str] = set()
        self._shown: str | None = None  # the job whose page is open
        self._wanted: str | None = None  # one that was begun, to be chosen as soon as it is listed
        self._allowed: set[str] = set()  # of what can be done with a job
        self._actions = JobActions(self)

    @property
    def host(self) -> TrainHost:
        return cast("TrainHost", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        with Horizontal(id="body"):
            with Vertical(id="listing"):
                yield Static(id="above", markup=False)
                yield Static(id="troubles", markup=False)
                yield JobRows(id="jobs")
            yield JobPage()
        with Vertical(id="nothing"):
            yield Static(id="invitation", markup=False)
            yield Button(id="begin")
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self.relabel()
        self.host.trainings.begin()
        self.host.trainings.changed.subscribe(self, lambda _: self._look())
        self.set_interval(_REDRAW_SECONDS, self._draw_under_way)

    def relabel(self) -> None:
        self.query_one("#invitation", Static).update(invitation())
        name_button(self.query_one("#begin", Button), say("새 학습 (n)", "A new training (n)"))
        self._look()

    def on_screen_resume(self) -> None:
        self.host.status.set_training("")
        self.host.trainings.watched = True
        self.host.trainings.look_again()
        self._look()

    def on_screen_suspend(self) -> None:
        self.host.trainings.watched = False

    # -- what there is -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """What was found out last, with the same job chosen as before."""
        trainings, chosen = self.host.trainings, self.chosen
        self._marked &= {one.id for one in trainings.jobs}
        self._rows = [JobRow(one) for one in trainings.jobs]
        self._tell_rows()
        self.set_class(trainings.is_known and not self._rows, "-empty")
        if self.has_class("-empty") and self.focused is not self.query_one("#begin"):
            self.query_one("#begin", Button).focus()
        elif self._rows and self.focused is None:
            self.query_one("#jobs").focus()
        self._show(self._newly_listed() or (chosen.id if chosen else self._shown))
        self.query_one("#above", Static).update(
            summary(trainings.jobs) if trainings.is_known else _looking(), layout=False
        )
        self._tell_troubles()

    def _newly_listed(self) -> str | None:
        """The one that was waited for, once."""
        if self._wanted is None or self.host.trainings.of(self._wanted) is None:
            return None
        listed, self._wanted = self._wanted, None
        return listed

    def _show(self, chosen: str | None) -> None:
        places = {row.seen.id: place for place, row in enumerate(self._rows)}
        before = self.query_one("#jobs", Rows).chosen or 0
        shown: list[Row] = list(self._rows)
        if shown:
            place = places.get(chosen or "", min(before, len(shown) - 1))
            self.query_one("#jobs", Rows).show(shown, place)
        else:
            self.query_one("#jobs", Rows).show(shown)
        self._open_page()
        self._allow()

    def draw(self) -> None:
        """The rows as they are by now."""
        self._tell_rows()
        self.query_one("#jobs", Rows).draw_anew()
        self._allow()

    def _tell_rows(self) -> None:
        for row in self._rows:
            row.doing = self._actions.under_way.get(row.seen.id, "")
            row.refusal = self.host.trainings.refusals.get(row.seen.id, "")
            row.marked = row.seen.id in self._marked

    def _allow(self) -> None:
        """What can be done with the chosen one; the key bar is drawn again where that is another."""
        chosen = self.chosen
        allowed = {action for action, condition in _CONDITIONS.items() if chosen and condition(chosen)}
        if allowed != self._allowed:
            self._allowed = allowed
            self.refresh_bindings()

    def _draw_under_way(self) -> None:
        if self._actions.under_way and self.is_current:
            self.draw()

    def _tell_troubles(self) -> None:
        trainings = self.host.trainings
        lines = trouble_lines(trainings.troubles)
        if trainings.fault:
            lines = Content.styled(safe_line(trainings.fault), "$error")
        troubles = self.query_one("#troubles", Static)
        troubles.set_class(bool(lines.plain), "-shown")
        if troubles.content != lines:
            troubles.update(lines)

    def _open_page(self) -> None:
        """The chosen job's, where it is another one than before."""
        chosen = self.chosen.id if self.chosen else None
        if chosen != self._shown:
            self._shown = chosen
            self.query_one(JobPage).show(chosen)

    @property
    def chosen(self) -> Seen | None:
        place = self.query_one("#jobs", Rows).chosen if is_there(self) else None
        return self._rows[place].seen if place is not None and place < len(self._rows) else None

    @on(Rows.Moved, "#jobs")
    def _moved(self) -> None:
        self.tell()
        self._open_page()
        self.refresh_bindings()

    def tell(self, text: str = "", *, error: bool = False) -> None:
        if is_there(self):
            self.query_one(Notice).tell(text, error=error)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        condition = _CONDITIONS.get(action)
        if condition is None:
            return True
        chosen = self.chosen
        return chosen is not None and condition(chosen)

    @on(Rows.Taken, "#jobs")
    def action_open_job(self) -> None:
        """Its page, over the list where there is no room beside it."""
        if self.chosen is None:
            return
        self.add_class("-reading")
        page = self.query_one(JobPage)
        inside = [widget for widget in page.query(Widget) if widget.focusable]
        if inside:
            self.set_focus(inside[0])
        self.refresh_bindings()

    def action_leave_trainings(self) -> None:
        """From the page to the list, from the list to the chat."""
        if self.has_class("-reading"):
            self.remove_class("-reading")
            self.query_one("#jobs").focus()
        else:
            self.app.switch_mode("chat")

    @on(Button.Pressed, "#begin")
    def action_new_job(self) -> None:
        from kullm_tui.ui.train.new.screen import NewJobScreen

        self.app.push_screen(NewJobScreen(), self._begun)

    def train_on(self, source: str) -> None:
        """A new one, its data this file."""
        from kullm_tui.ui.train.new.screen import NewJobScreen

        self.app.push_screen(NewJobScreen(data=source), self._begun)

    def action_clone_job(self) -> None:
        from kullm_tui.ui.train.new.screen import NewJobScreen

        if self.chosen:
            self.app.push_screen(NewJobScreen(like=self.chosen.id), self._begun)

    def _begun(self, job: str | None) -> None:
        if job:
            self._wanted = job
            self.host.trainings.look_again()

    def action_machines(self) -> None:
        from kullm_tui.ui.train.machines.screen import MachinesScreen

        self.app.push_screen(MachinesScreen())

    def action_cancel_job(self) -> None:
        self._with_chosen(self._actions.cancel)

    def action_resume_job(self) -> None:
        self._with_chosen(self._actions.go_on)

    def action_hold_job(self) -> None:
        self._with_chosen(self._actions.hold)

    def action_fetch_job(self) -> None:
        self._with_chosen(self._actions.fetch)

    def action_chat_with_it(self) -> None:
        self._with_chosen(self._actions.chat)

    def action_look_after(self) -> None:
        self._with_chosen(self._actions.look_after)

    def action_compare_with_base(self) -> None:
        self._with_chosen(partial(self._actions.compare, blind=False))

    def action_compare_blind(self) -> None:
        self._with_chosen(partial(self._actions.compare, blind=True))

    def action_remove_job(self) -> None:
        self._with_chosen(self._actions.remove)

    def action_copy_command(self) -> None:
        self._with_chosen(self._copy_command)

    async def _copy_command(self, seen: Seen) -> None:
        from kullm_tui.ui.train.shell import ShellCommands, shell_commands

        chosen = await self.app.push_screen_wait(ShellCommands(seen.called, shell_commands(seen)))
        if chosen:
            await self._copy(chosen)

    def action_job_folder(self) -> None:
        self._with_chosen(self._open_folder)

    async def _open_folder(self, seen: Seen) -> None:
        """Where there is no window to open it in, its path goes to a shell or a file manager, wherever it is."""
        from kullm_tui.core.desktop import open_on_desktop

        here, there = seen.job.directory.path, seen.job.place.get("path")
        if await apart(partial(open_on_desktop, here)):
            self.tell(say(f"폴더를 열었어요: {here}", f"opened: {here}"))
        else:
            await self._copy(f"{seen.machine}:{there}" if seen.machine and there else str(here))

    async def _copy(self, text: str) -> None:
        from kullm_tui.ui.terminal.clipboard import copy

        self.tell(f"{await copy(self.app, text)}: {text}")

    async def action_study(self) -> None:
        await self.app.run_action("app.study")

    def action_mark_job(self) -> None:
        """For a look at several over each other."""
        if self.chosen:
            self._marked ^= {self.chosen.id}
            self.draw()

    def action_overlay(self) -> None:
        from kullm_tui.ui.train.page.overlay import OverlayScreen

        chosen = [one.id for one in self.host.trainings.jobs if one.id in self._marked]
        if len(chosen) < 2:
            self.tell(say("겹쳐 볼 학습을 ␣로 두 개 이상 고르세요.", "Mark two trainings or more with ␣ first."))
        elif len(chosen) > _MOST_OVERLAID:
            self.tell(
                say(f"한 번에 {_MOST_OVERLAID}개까지 겹쳐 봐요.", f"Up to {_MOST_OVERLAID} are shown over each other.")
            )
        else:
            self.app.push_screen(OverlayScreen(chosen))

    def _with_chosen(self, action: Callable[[Seen], Awaitable[None]]) -> None:
        if self.chosen is None:
            return
        self.tell()
        self._run(partial(_awaited, action, self.chosen))

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.tell(str(fault), error=True)


async def _awaited(action: Callable[[Seen], Awaitable[None]], seen: Seen) -> None:
    await action(seen)


def _looking() -> str:
    return say("학습을 찾아보는 중 …", "looking for trainings …")


def _any(_: Seen) -> bool:
    return True


_CONDITIONS: dict[str, Callable[[Seen], bool]] = {
    "open_job": _any,
    "clone_job": _any,
    "copy_command": _any,
    "job_folder": _any,
    "mark_job": _any,
    "cancel_job": lambda seen: seen.is_live,
    "hold_job": lambda seen: seen.state_name == "QUEUED",
    "resume_job": lambda seen: seen.can_go_on,
    "fetch_job": lambda seen: seen.has_result,
    "chat_with_it": lambda seen: seen.has_result,
    "compare_with_base": lambda seen: seen.has_result,
    "look_after": lambda seen: seen.has_result,
    "compare_blind": lambda seen: seen.has_result,
    "remove_job": lambda seen: not seen.is_live,
}
