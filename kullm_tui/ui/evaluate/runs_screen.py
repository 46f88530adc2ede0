"""The evaluate mode: every evaluation that was begun, how far it is, and beginning one. What runs goes on whichever screen is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._button import Button
from textual.widgets._static import Static

from evaluator.evaluation import load_run
from evaluator.preparation import Wishes, wishes_of
from evaluator.runs import Counts, Run, counts_of, forget_run, list_runs, plan_of
from evaluator.verdicts import VerdictStore
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.ui.background import Fault, Work, begin, is_there
from kullm_tui.ui.evaluate.runs import Running
from kullm_tui.ui.evaluate.text import count_line, progress_lines, run_heading, run_row
from kullm_tui.ui.keymap import EVALUATIONS, bindings
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.button import name_button
from kullm_tui.ui.widgets.cells import joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Row, Rows
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.ui.evaluate.host import EvaluationsHost

_REDRAW_SECONDS = 0.5


@dataclass
class RunRow:
    """A run, and how far it is once that was counted."""

    run: Run
    running: Running | None = None
    counts: dict[str, Counts] | None = None
    total: int = 0  # questions
    fault: str = ""  # why it cannot be read any more
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        return run_row(self.run, self.counts, self.total, self.running, width)


class RunRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open_run", show=False)]

    def action_open_run(self) -> None:
        self.action_take()


class EvaluateScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(EVALUATIONS)
    AUTO_FOCUS = "#runs"
    CSS = """
    EvaluateScreen #above { height: 1; padding: 0 1; color: $quiet; }
    EvaluateScreen #heading { height: 1; padding: 0 1; }
    EvaluateScreen #runs { height: 1fr; padding: 0 1; }
    EvaluateScreen #details { height: auto; max-height: 45%; border-top: solid $rule; padding: 0 1; }
    EvaluateScreen #details Static { width: 100%; }
    EvaluateScreen Notice { max-height: 4; padding: 0 1; }
    EvaluateScreen #nothing { display: none; height: 1fr; align: center middle; }
    EvaluateScreen #nothing Static { width: 62; max-width: 94%; }
    EvaluateScreen #nothing Button { margin: 1 0 0 0; }
    EvaluateScreen.-empty #nothing { display: block; }
    EvaluateScreen.-empty #runs, EvaluateScreen.-empty #heading, EvaluateScreen.-empty #details { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[RunRow] = []
        self._active = False  # something ran when it was looked at last

    @property
    def host(self) -> EvaluationsHost:
        return cast("EvaluationsHost", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        yield Static(id="above", markup=False)
        yield Static(id="heading", markup=False)
        yield RunRows(id="runs")
        with VerticalScroll(id="details", can_focus=False):
            yield Static(id="facts", markup=False)
        with Vertical(id="nothing"):
            yield Static(id="invitation", markup=False)
            yield Button(id="begin")
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self._name_all()
        self.set_interval(_REDRAW_SECONDS, self._redraw)

    def relabel(self) -> None:
        self._name_all()
        self.look_again()

    def _name_all(self) -> None:
        self.query_one("#invitation", Static).update(_invitation())
        name_button(self.query_one("#begin", Button), say("새 평가 (n)", "A new evaluation (n)"))

    def on_screen_resume(self) -> None:
        self.look_again()

    # -- what there is -------------------------------------------------------------------------------------------------

    def look_again(self) -> None:
        begin(self, self._look, self._tell_fault, group="look", exclusive=True)

    async def _look(self) -> None:
        store = await self.host.evaluations.store()
        runs, spent = await asyncio.to_thread(_kept, store)
        before = {row.run.number: row for row in self._rows}
        self._rows = [self._row(run, before.get(run.number)) for run in runs]
        self.set_class(not runs, "-empty")
        self._show()
        self.query_one("#above", Static).update(_summary(len(runs), spent))
        if not runs:
            self.query_one("#begin", Button).focus()
        for row in self._rows:
            await self._count(row, store)

    def _row(self, run: Run, known: RunRow | None) -> RunRow:
        running = self.host.evaluations.of(run.number)
        return RunRow(run, running, known.counts if known else None, known.total if known else 0)

    async def _count(self, row: RunRow, store: VerdictStore) -> None:
        """Read in a thread, run after run, so that the list is there before all of them are counted."""
        try:
            row.counts, row.total = await asyncio.to_thread(_counted, store, row.run.number)
        except KullmError as error:
            row.fault = str(error)
        self._draw()

    def _show(self) -> None:
        rows = self.query_one("#runs", Rows)
        chosen = rows.chosen if rows.chosen is not None else 0
        shown: Sequence[Row] = self._rows
        rows.show(shown, min(chosen, len(shown) - 1) if shown else None)
        self._draw()

    def _draw(self) -> None:
        rows = self.query_one("#runs", Rows)
        width = rows.scrollable_content_region.width
        if width:
            self.query_one("#heading", Static).update(run_heading(width))
        rows.refresh()
        self._draw_details()

    def _draw_details(self) -> None:
        row = self.chosen
        width = self.query_one("#details").scrollable_content_region.width
        facts = Content("") if row is None else details(row, width, self.host.config.won_per_dollar)
        self.query_one("#facts", Static).update(facts)
        self.refresh_bindings()

    def _redraw(self) -> None:
        """Where something runs; what it came to is counted anew once it has ended."""
        active = self.host.evaluations.active
        if self._active and not active:
            self.look_again()
        self._active = bool(active)
        for row in self._rows:
            row.running = self.host.evaluations.of(row.run.number)
            if row.running and row.counts is not None and row.total:
                progress = row.running.progress
                row.counts = {
                    name: Counts(progress.answers.get(name, known.answers), progress.verdicts.get(name, known.verdicts))
                    for name, known in row.counts.items()
                }
        if any(row.running for row in self._rows):
            self._draw()

    @property
    def chosen(self) -> RunRow | None:
        place = self.query_one("#runs", Rows).chosen
        return self._rows[place] if place is not None and place < len(self._rows) else None

    @on(Rows.Moved, "#runs")
    def _moved(self) -> None:
        self.query_one(Notice).tell()
        self._draw_details()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def tell(self, text: str, *, error: bool = False) -> None:
        self.query_one(Notice).tell(text, error=error)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        row = self.chosen if is_there(self) else None
        running = bool(row and row.running and row.running.active)
        if action in ("open_run", "copy_run", "forget_run"):
            return row is not None
        if action == "resume_run":
            return row is not None and not running
        return running if action == "stop_run" else True

    @on(Rows.Taken, "#runs")
    def action_open_run(self) -> None:
        if self.chosen:
            self.open_run(self.chosen.run.number)

    def open_run(self, number: int, *, resume: bool = False) -> None:
        from kullm_tui.ui.evaluate.run_screen import EvaluationScreen

        self.app.push_screen(EvaluationScreen(number, resume=resume))

    @on(Button.Pressed, "#begin")
    def action_new_run(self) -> None:
        chosen = self.host.judging.settings
        self.fill_in(Wishes(rubric=chosen.rubric, judge=chosen.model))

    def fill_in(self, wishes: Wishes) -> None:
        from kullm_tui.ui.evaluate.form_screen import NewEvaluationScreen

        self.app.push_screen(NewEvaluationScreen(wishes), self._begun)

    def _begun(self, number: int | None) -> None:
        if number is not None:
            self.open_run(number)

    def action_resume_run(self) -> None:
        if self.chosen:
            self.open_run(self.chosen.run.number, resume=True)

    def action_stop_run(self) -> None:
        row = self.chosen
        if row and row.running:
            row.running.stop()

    def action_copy_run(self) -> None:
        if self.chosen:
            self._run(partial(self._copy, self.chosen.run.number))

    async def _copy(self, number: int) -> None:
        store = await self.host.evaluations.store()
        self.fill_in(wishes_of(await asyncio.to_thread(plan_of, store, number)))

    async def action_study(self) -> None:
        await self.app.run_action("app.study")

    def action_forget_run(self) -> None:
        if self.chosen:
            self._run(partial(self._forget, self.chosen))

    async def _forget(self, row: RunRow) -> None:
        from kullm_tui.ui.dialogs.ask import Confirm

        if row.running and row.running.active:
            self.tell(say("하는 중이에요. s로 먼저 멈춰 주세요.", "It is running. Stop it first: s."))
            return
        number = row.run.number
        asked = Confirm(
            say(
                f"{number}번 평가를 목록에서 뺄까요?",
                f"Take evaluation #{number} off the list?",
            ),
            say("목록에서 빼기", "Take it off"),
            more=say(
                "받은 답과 채점은 그대로 남아서, 같은 평가를 다시 하면 돈이 들지 않아요.",
                "Its answers and verdicts stay: the same evaluation costs nothing again.",
            ),
            danger=True,
        )
        if await self.app.push_screen_wait(asked):
            await asyncio.to_thread(forget_run, await self.host.evaluations.store(), number)
            self.look_again()

    def action_leave_runs(self) -> None:
        self.app.switch_mode("chat")

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.tell(str(fault), error=True)


def details(row: RunRow, width: int, won: float | None) -> Content:
    """What the row has no room for."""
    run = row.run
    if row.running:
        return joined(progress_lines(row.running, width, won))
    about = " · ".join(
        filter(
            None,
            (safe_line(run.set_name), safe_line(run.judge) or say("채점자 없음", "no judge"), safe_line(run.rubric)),
        )
    )
    lines = [Content.styled(about, "$quiet")]
    if row.fault:
        lines.append(Content.styled(safe_line(row.fault), "$error"))
        lines.append(
            Content(say("c를 누르면 같은 설정으로 새로 평가할 수 있어요.", "c begins a new evaluation like this one."))
        )
    for name, counts in (row.counts or {}).items():
        lines.append(count_line(name, counts, row.total, judged=bool(run.judge), width=width))
    return joined(lines)


def _summary(count: int, spent: float) -> Content:
    if not count:
        return Content("")
    paid = say(f" · 채점 비용 합계 {money(spent)}", f" · {money(spent)} spent on judging in all") if spent else ""
    counted = "1 evaluation" if count == 1 else f"{count:,} evaluations"
    return Content(say(f"평가 {count:,}개{paid}", f"{counted}{paid}"))


def _invitation() -> Content:
    return Content(
        say(
            "아직 평가가 없어요.\n\n여러 모델에 같은 질문을 주고, 채점자(GPT-4)나 사람이 점수를 매겨 논문처럼 표로 비교해요. "
            "시작하기 전에 몇 번 묻고 얼마가 드는지 보여 주고, 언제 멈춰도 이어서 할 수 있어요.",
            "No evaluation yet.\n\nSeveral models get the same questions, and a judge (GPT-4) or people give the scores of the paper's "
            "table. What it asks and costs is shown before it begins, and it goes on from wherever it stopped.",
        )
    )


def _kept(store: VerdictStore) -> tuple[list[Run], float]:
    return list_runs(store), store.spent()


def _counted(store: VerdictStore, number: int) -> tuple[dict[str, Counts], int]:
    evaluation = load_run(store, number)
    return counts_of(evaluation, store), len(evaluation.questions.questions)
