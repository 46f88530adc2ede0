"""People give scores: answer by answer, in an order of the rater's own, without a word of who answered or what the judge said."""

from __future__ import annotations

import asyncio
import getpass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from evaluator.people import Unrated, keep_rating, unrated
from evaluator.rubric import Criterion
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc
from kullm_tui.ui.background import Fault, begin
from kullm_tui.ui.dialogs.ask import AskLine
from kullm_tui.ui.evaluate.items import RunFacts
from kullm_tui.ui.keymap import RATING, bindings
from kullm_tui.ui.text import plain, safe, safe_line
from kullm_tui.ui.widgets.cells import cell, joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.ui.evaluate.host import EvaluationsHost

_CRITERION_CELLS = 18


class HumanRatingScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(RATING)
    AUTO_FOCUS = "#answer"
    CSS = """
    HumanRatingScreen #place { height: 1; padding: 0 1; color: $quiet; }
    HumanRatingScreen #question { height: auto; max-height: 30%; padding: 0 1; border-bottom: solid $rule; }
    HumanRatingScreen #answer { height: 1fr; padding: 0 1; }
    HumanRatingScreen VerticalScroll Static { width: 100%; height: auto; }
    HumanRatingScreen #scores { height: auto; border-top: solid $rule; padding: 0 1; }
    HumanRatingScreen #told { height: 1; padding: 0 1; color: $quiet; }
    HumanRatingScreen #told.-error { color: $error; }
    """

    def __init__(self, facts: RunFacts) -> None:
        super().__init__()
        self._facts = facts
        self._rater = ""
        self._waiting: list[Unrated] = []
        self._at = 0
        self._scores: dict[str, int] = {}
        self._digits = ""  # typed, of a score that may have more

    @property
    def host(self) -> EvaluationsHost:
        return cast("EvaluationsHost", self.app)

    @property
    def _criteria(self) -> tuple[Criterion, ...]:
        return self._facts.evaluation.rubric.criteria

    @property
    def _current(self) -> Unrated | None:
        return self._waiting[self._at] if self._at < len(self._waiting) else None

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        yield Static(id="place", markup=False)
        with VerticalScroll(id="question", can_focus=False):
            yield Static(id="question-text", markup=False)
        with VerticalScroll(id="answer"):
            yield Static(id="answer-text", markup=False)
        yield Static(id="scores", markup=False)
        yield Static(id="told", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        begin(self, self._begin, self._tell_fault)

    async def _begin(self) -> None:
        rater = await self.app.push_screen_wait(
            AskLine(
                say("누가 점수를 매기나요?", "Who is rating?"),
                button=say("매기기 시작", "Begin"),
                value=_login(),
                more=say(
                    "이름마다 따로 모아 사람끼리, 또 채점자와 얼마나 맞는지 계산해요.",
                    "Kept apart by name, to tell how far people agree with each other and with the judge.",
                ),
                fault=lambda line: None if line else say("이름이 비어 있어요.", "The name is empty."),
            )
        )
        if not rater:
            self.dismiss(None)
            return
        self._rater = nfc(rater)
        facts = self._facts
        self._waiting = list(
            await asyncio.to_thread(unrated, facts.evaluation, facts.results, facts.ratings, self._rater)
        )
        self._draw()

    def relabel(self) -> None:
        self._draw()

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        one = self._current
        count = len(self._waiting)
        place = f"{self._rater} · {min(self._at + 1, count):,}/{count:,}"
        self.query_one("#place", Static).update(Content(safe_line(place)))
        self.query_one("#scores", Static).update(joined(self._score_lines()) if one else Content(""))
        if one is None:
            done = say(
                "모두 매겼어요. esc로 돌아가면 채점자와 얼마나 맞는지 볼 수 있어요.",
                "All are rated. Esc goes back to how far you agree with the judge.",
            )
            self.query_one("#question-text", Static).update(Content(done))
            self.query_one("#answer-text", Static).update(Content(""))
            return
        question = one.question
        asked = Content(safe(question.instruction))
        if question.input:
            asked = Content.assemble(asked, "\n", (say("입력", "input"), "$quiet"), "\n", safe(question.input))
        self.query_one("#question-text", Static).update(asked)
        self.query_one("#answer-text", Static).update(Content(safe(one.response) or say("(빈 답)", "(empty)")))

    def _score_lines(self) -> list[Content]:
        asked = self._asked
        lines = []
        for one in self._criteria:
            given = str(self._scores[one.name]) if one.name in self._scores else ""
            shown = f"{self._digits}▍" if one is asked else given
            lines.append(
                Content.assemble(
                    ("▌" if one is asked else " ", "$accent"),
                    cell(safe_line(one.name), _CRITERION_CELLS).stylize("bold" if one is asked else ""),
                    (cell(f"{one.low}–{one.high}", 7).plain, "$quiet"),
                    (shown, "bold $accent"),
                )
            )
        return lines

    @property
    def _asked(self) -> Criterion | None:
        """The first that has no score yet."""
        return next((one for one in self._criteria if one.name not in self._scores), None)

    def _tell(self, text: str, *, error: bool = False) -> None:
        told = self.query_one("#told", Static)
        told.update(plain(text))
        told.set_class(error, "-error")

    def _tell_fault(self, fault: Fault) -> None:
        self._tell(str(fault), error=True)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        asked = self._asked
        if self._current is None or asked is None:
            return
        if event.character and event.character.isascii() and event.character.isdigit():
            event.stop()
            self._digits += event.character
            if int(self._digits) * 10 > asked.high or self._digits == "0":
                self._take(asked)
        elif event.key == "enter" and self._digits:
            event.stop()
            self._take(asked)
        self._draw()

    def _take(self, asked: Criterion) -> None:
        score, self._digits = int(self._digits), ""
        if not asked.low <= score <= asked.high:
            span = f"{asked.low}–{asked.high}"
            self._tell(
                say(f"{safe_line(asked.name)}: {span}에서 골라 주세요.", f"{safe_line(asked.name)} is {span}."),
                error=True,
            )
            return
        self._tell("")
        self._scores[asked.name] = score
        if self._asked is None and self._current:
            begin(self, partial(self._keep, self._current, dict(self._scores)), self._tell_fault)
            self._move(1)

    async def _keep(self, one: Unrated, scores: dict[str, int]) -> None:
        store = await self.host.evaluations.store()
        await asyncio.to_thread(keep_rating, store, self._facts.evaluation.rubric, one.texts, self._rater, scores)

    def _move(self, step: int) -> None:
        self._at = max(0, min(len(self._waiting), self._at + step))
        self._scores, self._digits = {}, ""
        self.query_one("#answer", VerticalScroll).scroll_home(animate=False)
        self.query_one("#question", VerticalScroll).scroll_home(animate=False)
        self._draw()

    def action_take_back(self) -> None:
        if self._digits:
            self._digits = self._digits[:-1]
        elif self._scores:
            self._scores.popitem()
        self._draw()

    def action_skip(self) -> None:
        """Comes again at the end."""
        if self._current and self._at < len(self._waiting) - 1:
            self._waiting.append(self._waiting.pop(self._at))
            self._move(0)

    def action_rate_before(self) -> None:
        self._move(-1)

    def action_leave_rating(self) -> None:
        self.dismiss(None)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user on this system
        return ""
