"""Before the first verdict of a judge by a rubric: what it costs, and by whom and by what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe_line

if TYPE_CHECKING:
    from evaluator.cost import Budget, Estimate

Answer = Literal["judge", "change"]


class FirstVerdictScreen(Dialog[Answer]):
    """None: nothing is to be judged."""

    BINDINGS: ClassVar[list[BindingType]] = [("left,up", "app.focus_previous"), ("right,down", "app.focus_next")]
    AUTO_FOCUS = "#judge"
    CSS = """
    FirstVerdictScreen .dialog { width: 72; }
    FirstVerdictScreen .warning { width: 100%; margin-top: 1; height: auto; }
    """

    def __init__(
        self,
        judge: str,
        rubric: str,
        *,
        estimate: Estimate,
        budget: Budget,
        itself: bool = False,
        won_per_dollar: float | None = None,
    ) -> None:
        super().__init__()
        self._judge, self._rubric = safe_line(judge), safe_line(rubric)
        self._estimate, self._budget, self._itself, self._won = estimate, budget, itself, won_per_dollar

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            asked = say(f"{self._judge}: 이 채점자에게 채점을 맡길까요?", f"Have {self._judge} judge it?")
            yield Static(plain(asked), classes="dialog--question", markup=False)
            yield Static(plain(f"{self._price()}\n{self._terms()}"), classes="dialog--more", markup=False)
            if self._itself:
                itself = say(
                    "이 답을 쓴 모델이 바로 채점자예요. 점수가 후할 수 있어요.",
                    "The judge wrote this reply itself: its scores may be generous.",
                )
                yield Static(plain(itself), classes="warning", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(plain(say("취소", "Cancel")), id="no")
                yield Button(plain(say("바꾸기", "Change")), id="change")
                yield Button(plain(self._consequence()), id="judge")

    def _price(self) -> str:
        one = self._estimate
        tokens = f"{one.input_tokens + one.output_tokens:,}"
        calls = say(f"{one.calls}번 묻고 ", f"{one.calls} calls, ") if one.calls > 1 else ""
        if one.dollars is None:
            return say(
                f"{calls}약 {tokens}토큰이에요. 이 채점자의 가격은 가격표에 없어요.",
                f"{calls}about {tokens} tokens. The price of this judge is not listed.",
            )
        amount = money(one.dollars, self._won)
        return say(f"{calls}약 {tokens}토큰, 약 {amount} 들어요.", f"{calls}about {tokens} tokens: about {amount}.")

    def _terms(self) -> str:
        budget = self._budget
        if budget.dollars is None:
            limit = say("예산 없음", "no budget")
        else:
            spent, whole = money(budget.spent), money(budget.dollars)
            limit = say(f"예산 {whole} 중 {spent} 사용", f"{spent} of the budget of {whole} spent")
        return say(
            f"기준 {self._rubric} · {limit}\n채점자와 기준마다 앱을 연 뒤 처음 한 번 물어요. 둘씩 채점은 매번 물어요.",
            f"Rubric {self._rubric} · {limit}\nYou are asked once for each judge and rubric while the app runs, and each time for pairs.",
        )

    def _consequence(self) -> str:
        dollars = self._estimate.dollars
        if dollars is None:
            return say("비용을 모른 채 채점하기", "Judge at an unknown price")
        if dollars == 0:
            return say("채점하기", "Judge")
        amount = money(dollars, self._won)
        return say(f"약 {amount} 쓰고 채점하기", f"Spend about {amount} and judge")

    @on(Button.Pressed, "#judge")
    def _judged(self) -> None:
        self.dismiss("judge")

    @on(Button.Pressed, "#change")
    def _changed(self) -> None:
        self.dismiss("change")
