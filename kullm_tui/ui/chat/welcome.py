"""What an empty conversation shows: who answers here, and a few questions to begin with."""

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.button import name_button


def sample_questions(*, demo: bool) -> tuple[str, str, str]:
    """The demo knows little more than what such questions ask for."""
    if demo:
        return (
            "대한민국의 수도는 어디인가요?",
            "12 더하기 30은 얼마인가요?",
            "'천 리 길도 한 걸음부터'는 무슨 뜻인가요?",
        )
    return (
        "훈민정음이 만들어진 까닭을 세 문장으로 설명해 주세요.",
        "비 오는 날 서울에서 하루를 보낼 계획을 표로 짜 주세요.",
        "파이썬으로 한글 초성을 뽑는 함수를 짜 주세요.",
    )


class Welcome(Vertical):
    DEFAULT_CSS = """
    Welcome { height: 1fr; align: center middle; padding: 0 2; }
    Welcome > Vertical { width: 64; max-width: 100%; height: auto; }
    Welcome .name { color: $accent; text-style: bold; margin-bottom: 1; }
    Welcome .who { height: auto; margin-bottom: 1; }
    Welcome #welcome-persona { height: auto; color: $accent; }
    Welcome #welcome-persona.-none { display: none; }
    Welcome .hint { color: $quiet; height: auto; margin-top: 1; }
    """

    @dataclass
    class Picked(Message):
        question: str

    def __init__(self) -> None:
        super().__init__()
        self._answers: tuple[str, bool, str] | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(classes="name", markup=False)
            yield Static(classes="who", markup=False)
            yield Static(id="welcome-persona", markup=False)
            yield Static(id="welcome-ask", classes="hint", markup=False)
            for place in range(3):
                yield Button("", id=f"sample-{place}")
            yield Static(id="welcome-keys", classes="hint", markup=False)

    def on_mount(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        self.query_one(".name", Static).update(Content(say("구름", "KULLM")))
        self.query_one("#welcome-ask", Static).update(say("이런 것을 물어보세요", "Ask something like this"))
        self.query_one("#welcome-keys", Static).update(
            say(
                "⇧⇥ 질문 고르기 · F8 모델 바꾸기 · F5 모델 내려받기",
                "⇧⇥ pick a question · F8 other models · F5 download",
            )
        )
        if self._answers:
            title, demo, persona = self._answers
            self.show(title, demo=demo, persona=persona)

    def show(self, title: str, *, demo: bool, persona: str = "") -> None:
        """Who answers: its title, whether it is the small model that comes with the app, and whom it plays."""
        self._answers = title, demo, persona
        role = self.query_one("#welcome-persona", Static)
        role.set_class(not persona, "-none")
        role.update(plain(say(f"페르소나: {persona} · F7 바꾸기", f"Persona: {persona} · F7 changes it")))
        who = plain(title).stylize("bold")
        if demo:
            told = say(
                " 모델이 답해요. 앱과 함께 오는 아주 작은 데모 모델이라 수도, 셈, 단위, 낱말 뜻처럼 정해진 것만 알아요.",
                " answers. It is the tiny demo model that comes with the app and knows a few things only: capitals, sums, units, words. It speaks Korean.",
            )
        else:
            told = say(" 모델이 답해요.", " answers.")
        self.query_one(".who", Static).update(Content.assemble(who, told))
        for place, question in enumerate(sample_questions(demo=demo)):
            name_button(self.query_one(f"#sample-{place}", Button), question)

    @on(Button.Pressed)
    def _picked(self, event: Button.Pressed) -> None:
        event.stop()
        self.post_message(self.Picked(str(event.button.label)))
