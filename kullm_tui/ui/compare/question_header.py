"""Above the columns: the question that all of them answer, and whether they answer together or in turns."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.text import plain

_LONGEST = 2000  # of a question on the way to being cut to three lines


class Asked(Vertical):
    DEFAULT_CSS = """
    Asked { height: auto; padding: 0 1; border-bottom: solid $rule; }
    Asked .question { height: auto; max-height: 3; width: 1fr; text-style: bold; }
    Asked .question.-empty { color: $quiet; text-style: none; }
    Asked .input { height: auto; max-height: 2; width: 1fr; color: $quiet; border-left: outer $rule; padding-left: 1; display: none; }
    Asked .input.-shown { display: block; }
    Asked .plan { height: auto; max-height: 2; width: 1fr; color: $quiet; display: none; }
    Asked .plan.-shown { display: block; }
    """

    def compose(self) -> ComposeResult:
        yield Static(classes="question -empty", markup=False)
        yield Static(classes="input", markup=False)
        yield Static(classes="plan", markup=False)

    def show(self, question: str, input_: str = "", *, ahead: str = "") -> None:
        """`ahead` stands before the question: where in a file it is. Without a question: what one can do here."""
        line, given = self.query_one(".question", Static), self.query_one(".input", Static)
        line.set_class(not question, "-empty")
        lead = Content.styled(f"{ahead}  ", "$accent") if ahead else Content("")
        line.update(lead + plain(question[:_LONGEST]) if question else Content(_invitation()))
        given.set_class(bool(input_), "-shown")
        given.update(plain(input_[:_LONGEST]))

    def tell_plan(self, why: str) -> None:
        line = self.query_one(".plan", Static)
        line.set_class(bool(why), "-shown")
        line.update(plain(why))


def _invitation() -> str:
    return say(
        "한 질문에 여러 모델이 나란히 답해요. 질문을 쓰거나 ^O로 질문 모음을 열어 보세요.",
        "Several models answer one question side by side. Write one, or open a file of questions with ^O.",
    )
