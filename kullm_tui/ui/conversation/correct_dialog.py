"""A reply rewritten into the answer that was wanted: the reply above, and what has become of it marked in it while one types."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.document._document import Selection
from textual.widgets._button import Button
from textual.widgets._static import Static
from textual.widgets._text_area import TextArea

from kullm_tui.core.language import say
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import safe
from kullm_tui.ui.widgets.differences import marked

_PAUSE_SECONDS = 0.15  # without a key, after which the differences are looked for


class CorrectScreen(Dialog[str]):
    """The answer that was wanted; None where nothing is to change."""

    BINDINGS = [("ctrl+s", "keep")]
    CSS = """
    CorrectScreen .dialog { width: 90%; max-width: 110; height: auto; max-height: 95%; }
    CorrectScreen VerticalScroll { height: auto; max-height: 25vh; margin: 1 0; }
    CorrectScreen #original { width: 100%; color: $quiet; }
    CorrectScreen TextArea { height: auto; min-height: 4; max-height: 40vh; border: none; background: $surface; padding: 0 1; }
    """

    def __init__(self, original: str, text: str) -> None:
        super().__init__()
        self._original, self._text = original, text

    def compose(self) -> ComposeResult:
        question = say("어떻게 답했으면 좋았을까요?", "What should it have answered?")
        consequence = say(
            "원래 답은 옆 갈래에 남아요. 대화는 고친 답으로 이어지고, 학습할 때는 고친 답을 배워요.",
            "The reply stays in the branch beside it. The conversation goes on with the correction, and a training learns from it.",
        )
        with Vertical(classes="dialog"):
            yield Static(question, classes="dialog--question", markup=False)
            with VerticalScroll(can_focus=False):
                yield Static(id="original", markup=False)
            editor = TextArea(safe(self._text), id="wanted", tab_behavior="focus", soft_wrap=True)
            editor.set_reactive(TextArea.selection, Selection.cursor(editor.document.end))  # before the first key
            yield editor
            yield Static(consequence, classes="dialog--more", markup=False)
            yield Static(classes="dialog--fault", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(say("취소", "Cancel"), id="no")
                yield Button(say("고친 답으로 남기기 (^s)", "Keep the correction (^s)"), id="keep")

    def on_mount(self) -> None:
        self._pause = self.set_timer(_PAUSE_SECONDS, self._mark)
        self.query_one(TextArea).focus()

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self.tell()
        self._pause.stop()
        self._pause = self.set_timer(_PAUSE_SECONDS, self._mark)

    def _mark(self) -> None:
        wanted = self.query_one(TextArea).text
        same = wanted.strip() == safe(self._original).strip()
        told = Content(safe(self._original)) if same else marked(self._original, wanted)[0]
        self.query_one("#original", Static).update(told)

    @on(Button.Pressed, "#keep")
    def action_keep(self) -> None:
        wanted = self.query_one(TextArea).text.strip()
        if not wanted:
            self.tell(say("고친 답이 비어 있어요.", "The corrected answer is empty."))
        elif wanted == safe(self._original).strip():
            self.tell(
                say(
                    "원래 답과 똑같아요. 그대로 좋은 답이라면 esc를 누르고 g로 남기세요.",
                    "It is the same as the reply. If that is good as it is: esc, then g.",
                )
            )
        else:
            self.dismiss(wanted)
