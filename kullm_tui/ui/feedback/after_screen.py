"""Before and after a training: the same held-out questions to both, what got worse first; then it is kept as the chat's model, or rolled back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from evaluator.verdicts import VerdictStore
from kullm_tui.core.asking.target import resolve_here, start_engine
from kullm_tui.core.language import say
from kullm_tui.feedback import before_after, keeping
from kullm_tui.feedback.before_after import Asking, Change, Part, Side, Sides
from kullm_tui.feedback.held_out import HeldOut, held_out, set_title, usual_sets
from kullm_tui.feedback.results import job_of, keep_result, own_adapter, result
from kullm_tui.ui.background import Fault, Work, apart, begin, is_there
from kullm_tui.ui.feedback.after_text import both_answers_text, change_line, part_line
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.feedback import AFTER
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.cells import joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Row, Rows
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.core.config.settings import Config
    from kullm_tui.ui.feedback.host import FeedbackHost


@dataclass
class ChangeRow:
    part: int
    change: Change
    turned: bool  # who stands as 1 and who as 2, until it is decided
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        return change_line(self.change, width)


class Changes(Rows):
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Both answers stand beside the list: there is nothing to open."""
        return action != "take"


class AfterScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(AFTER)
    AUTO_FOCUS = "#changes"
    CSS = """
    AfterScreen #parts { height: auto; max-height: 7; padding: 0 1; }
    AfterScreen #body { height: 1fr; border-top: solid $rule; }
    AfterScreen #changes { width: 46; height: 1fr; padding: 0 1; border-right: solid $rule; }
    AfterScreen #answers { width: 1fr; height: 1fr; padding: 0 2; scrollbar-size-vertical: 1; }
    AfterScreen #answers Static { width: 100%; height: auto; }
    AfterScreen Notice { max-height: 4; padding: 0 1; }
    AfterScreen.-narrow #body { layout: vertical; }
    AfterScreen.-narrow #changes { width: 100%; height: 8; border-right: none; border-bottom: solid $rule; }
    """

    def __init__(self, after: str, before: str = "", *, sets: Sequence[str] = ()) -> None:
        """`before`: the chat's model unless named; where that is the trained one already, what it was trained over. `sets`: the usual."""
        super().__init__()
        self._after, self._before, self._sets = after, before, sets
        self._both: Sides | None = None
        self._parts: list[Part] = []
        self._rows: list[ChangeRow] = []
        self._counts: dict[Side, int] = {"before": 0, "after": 0}
        self._progress = ""  # beside the results, not in their stead: what a key answered stays to be read

    @property
    def host(self) -> FeedbackHost:
        return cast("FeedbackHost", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status, self._title())
        yield Static(id="parts", markup=False)
        with Horizontal(id="body"):
            yield Changes(id="changes")
            with VerticalScroll(id="answers", can_focus=True):
                yield Static(markup=False)
        yield Notice()
        yield KeyBar()

    def _title(self) -> str:
        return say(f"전후 · {safe_line(self._after)}", f"Before and after · {safe_line(self._after)}")

    def on_mount(self) -> None:
        begin(self, self._ask, self._asking_failed, group="ask", exclusive=True)

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(self._title())
        self._draw_all()

    # -- asking --------------------------------------------------------------------------------------------------------

    async def _ask(self) -> None:
        config = self.host.config
        self._tell_progress(say("질문을 고르는 중 …", "choosing the questions …"))
        both, held = await asyncio.to_thread(_prepared, self._before, self._after, self._sets, config)
        self._both = both
        for one in held:
            self._counts = {"before": 0, "after": 0}
            self._parts.append(await apart(partial(self._answered, one, both)))
            self._draw_all()
        self._tell_progress("")
        if not held:
            self.tell(
                say(
                    "이 모델에는 떼어 둔 질문이 없어요. 셸에서 `kullm eval before-after --set 파일`로 물어볼 수 있어요.",
                    "Nothing was held out for this model. `kullm eval before-after --set FILE` asks questions of a file.",
                )
            )
        await self._keep_result()

    def _answered(self, held: HeldOut, both: Sides) -> Part:
        """In a thread with an event loop of its own."""
        total = len(held.questions.questions)

        def told(side: Side, count: int) -> None:
            self._counts[side] = count
            done = f"{self._counts['before']}+{self._counts['after']}/{2 * total}"
            self._say(f"{set_title(held.name)}: {done}")

        with VerdictStore() as store:
            asking = Asking(store, start_engine, told, self._say)
            answers = asyncio.run(before_after.both_answers(held, both, asking))
        return before_after.graded_offline(held, answers)

    def _say(self, words: str) -> None:
        if self.is_running:
            self.app.call_from_thread(self._tell_progress, words)

    async def _keep_result(self) -> None:
        if self._both and self._parts:
            await asyncio.to_thread(_kept, self._both, self._parts)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _draw_all(self) -> None:
        chosen = self.query_one("#changes", Rows).chosen
        turned = {(row.part, row.change.question.id): row.turned for row in self._rows}
        found = [(place, one) for place, part in enumerate(self._parts) for one in part.worst_first]
        found.sort(key=lambda one: (one[1].gain is not None and one[1].gain >= 0, one[1].gain or 0.0))
        self._rows = [
            ChangeRow(place, one, turned.get((place, one.question.id), secrets.randbelow(2) == 1))
            for place, one in found
            if one.gain != 0 or one.before != one.after
        ]
        rows: list[Row] = list(self._rows)
        self.query_one("#changes", Rows).show(rows, min(chosen or 0, len(rows) - 1) if rows else None)
        self._draw_parts()
        self._draw()

    def _draw_parts(self) -> None:
        names = []
        if self._both:
            before, after = (safe_line(self._both.systems[side].name) for side in ("before", "after"))
            names = [Content.styled(say(f"전 {before}  후 {after}", f"before {before}  after {after}"), "$quiet")]
        going_on = [Content.styled(self._progress, "$quiet")] if self._progress else []
        self.query_one("#parts", Static).update(joined([*names, *map(part_line, self._parts), *going_on]))

    def _tell_progress(self, words: str) -> None:
        self._progress = words
        self._draw_parts()

    def _draw(self) -> None:
        row = self.chosen
        told = both_answers_text(row.change, turned=row.turned) if row else Content("")
        self.query_one("#answers Static", Static).update(told)
        self.query_one("#answers").scroll_home(animate=False)
        self.refresh_bindings()

    @property
    def chosen(self) -> ChangeRow | None:
        place = self.query_one("#changes", Rows).chosen if is_there(self) else None
        return self._rows[place] if place is not None and place < len(self._rows) else None

    @on(Rows.Moved, "#changes")
    def _moved(self) -> None:
        self._draw()

    def tell(self, text: str = "", *, error: bool = False) -> None:
        self.query_one(Notice).tell(text, error=error)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        if action == "better":
            return bool(self.chosen and self.chosen.change.gain is None)
        return True

    def action_better(self, choice: int) -> None:
        """1 or 2 as they stand there; 0: neither."""
        row = self.chosen
        if row is None or row.change.gain is not None:
            return
        gain = 0.0 if choice == 0 else 1.0 if (choice == 1) == row.turned else -1.0
        part = self._parts[row.part]
        self._parts[row.part] = before_after.voted(part, {row.change.question.id: gain})
        self._draw_all()
        self._run(self._keep_result)

    def action_keep_it(self) -> None:
        self._run(self._keep)

    async def _keep(self) -> None:
        switched = await asyncio.to_thread(keeping.keep_model, self._after)
        self.host.answer_with(switched.now)
        self.tell(
            say(
                f"이제 대화에서 {switched.now} 모델이 답해요. u를 누르면 {switched.before} 모델로 돌아가요.",
                f"{switched.now} answers in the chat from now on; u goes back to {switched.before}.",
            )
        )

    def action_roll_back(self) -> None:
        self._run(self._roll_back)

    async def _roll_back(self) -> None:
        switched = await asyncio.to_thread(keeping.roll_back)
        self.host.answer_with(switched.now)
        self.tell(say(f"대화의 모델을 {switched.now} 모델로 되돌렸어요.", f"{switched.now} answers in the chat again."))

    def action_leave_after(self) -> None:
        self.dismiss(None)

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _asking_failed(self, fault: Fault) -> None:
        self._tell_progress("")
        self._tell_fault(fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.tell(str(fault), error=True)


def _prepared(before: str, after: str, sets: Sequence[str], config: Config) -> tuple[Sides, list[HeldOut]]:
    both = before_after.sides(before or _before(after, config), after, config)
    adapter = own_adapter(both.after.adapter)
    usual = usual_sets(before_after.base_of(both.after), job_of(adapter) if adapter else None)
    return both, [held_out(name) for name in sets or usual]


def _before(after: str, config: Config) -> str:
    """What the chat answers with, unless that is the trained one already."""
    chat = keeping.chat_model(config)
    return before_after.BASE if keeping.full_name(resolve_here(after, config.endpoints)) == chat else chat


def _kept(both: Sides, parts: Sequence[Part]) -> None:
    """In the adapter's card too, which says what was found of it."""
    adapter = own_adapter(both.after.adapter)
    if adapter:
        keep_result(result(both, parts), adapter)
