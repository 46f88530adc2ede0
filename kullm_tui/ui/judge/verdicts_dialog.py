"""Everything that was said of a reply, in full: scores, reasons, the judges' own words, what is to be doubted; and judging it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.times import clock
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.judge.text import by_origin, cost_of, title_of, trouble_of, warnings_of
from kullm_tui.ui.text import plain, safe_line

if TYPE_CHECKING:
    from evaluator.verdict import Verdict

_A_ROW = 3  # scores with their criteria's whole names

Wish = Literal["again", "settings"]


class VerdictsScreen(Dialog[Wish]):
    """What is wanted next; None where it was only read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f3", "again", show=False)]
    AUTO_FOCUS = "VerticalScroll"
    CSS = """
    VerdictsScreen .dialog { width: 90; max-width: 100%; max-height: 100%; padding: 1 2; }
    VerdictsScreen VerticalScroll { height: auto; max-height: 75vh; }
    VerdictsScreen .head { color: $accent; text-style: bold; height: auto; }
    VerdictsScreen .warning { height: auto; }
    VerdictsScreen .scores { height: auto; }
    VerdictsScreen .words { height: auto; color: $quiet; border-left: outer $rule; padding-left: 1; margin-bottom: 1; }
    VerdictsScreen .buttons { height: 1; margin-top: 1; align-horizontal: right; }
    VerdictsScreen .buttons Button { margin-left: 1; }
    VerdictsScreen #keys { width: 1fr; color: $quiet; }
    """

    def __init__(self, verdicts: Sequence[Verdict], won_per_dollar: float | None) -> None:
        super().__init__()
        self._verdicts, self._won_per_dollar = verdicts, won_per_dollar

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with VerticalScroll():
                for group in by_origin(self._verdicts):
                    yield Static(plain(title_of(group)), classes="head", markup=False)
                    for warning in warnings_of(group):
                        yield Static(plain(warning), classes="warning", markup=False)
                    for verdict in group:
                        yield from self._verdict(verdict)
            with Horizontal(classes="buttons"):
                yield Static(say("↑↓ 읽기 · esc 닫기", "↑↓ read · esc closes"), id="keys", markup=False)
                yield Button(plain(say("채점 설정", "Settings")), id="settings")
                yield Button(plain(self._again_label()), id="again")

    def _verdict(self, verdict: Verdict) -> Iterator[Static]:
        trouble = trouble_of(verdict)
        style = "$error" if verdict.status == "error" else "$warning"
        yield Static(Content("\n").join(self._facts(verdict)), classes="scores", markup=False)
        if trouble:
            yield Static(plain(trouble).stylize(style), classes="scores", markup=False)
        elif verdict.reason:
            yield Static(plain(verdict.reason), classes="scores", markup=False)
        if verdict.status != "error" and not _is_told_already(verdict):
            silent = say("(채점자가 아무 말도 하지 않았어요)", "(the judge said nothing)")
            yield Static(plain(verdict.text or silent), classes="words", markup=False)

    def _facts(self, verdict: Verdict) -> list[Content]:
        cost = cost_of([verdict], self._won_per_dollar)
        answered = verdict.answered_by if verdict.answered_by != verdict.model else ""
        about = [clock(verdict.created) if verdict.created else "", cost, safe_line(answered)]
        highest = {one.name: one.high for one in verdict.criteria}
        scores = [f"{safe_line(name)} {score}/{highest.get(name, '?')}" for name, score in verdict.scores.items()]
        lines = [plain(" · ".join(filter(None, about))).stylize("$quiet")] if any(about) else []
        rows = [plain("  ".join(scores[start : start + _A_ROW])) for start in range(0, len(scores), _A_ROW)]
        return [*lines, *rows]

    def _again_label(self) -> str:
        price = next((one.cost for one in self._verdicts if one.cost), None)
        about = say(f" (약 {money(price, self._won_per_dollar)})", f" (about {money(price)})") if price else ""
        return say(f"F3 한 번 더 채점하기{about}", f"F3 Judge once more{about}")

    @on(Button.Pressed, "#again")
    def action_again(self) -> None:
        self.dismiss("again")

    @on(Button.Pressed, "#settings")
    def _settings(self) -> None:
        self.dismiss("settings")


def _is_told_already(verdict: Verdict) -> bool:
    """The JSON of a strict judge, whose scores and reason stand above."""
    return verdict.status == "ok" and bool(verdict.reason) and verdict.text.lstrip().startswith("{")
