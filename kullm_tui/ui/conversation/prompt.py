"""Where one writes: the instruction, and below it, when wanted, the separate input of KULLM's form. Knows what was sent before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.core.text import nfc
from kullm_tui.ui.widgets.text_field import PromptField, Written


@dataclass(frozen=True)
class Draft:
    text: str
    input: str = ""


@dataclass(frozen=True)
class Unsent:
    """Everything in the prompt, to be put aside and taken up again."""

    text: Written
    input: Written
    with_input: bool = False

    @classmethod
    def of(cls, text: str, input: str = "") -> Unsent:
        return cls(Written.of(text), Written.of(input), bool(input))


NOTHING = Unsent.of("")


class Prompt(Widget):
    DEFAULT_CSS = """
    Prompt {
        height: auto;
        max-height: 60vh;
        border-top: solid $rule;
        padding: 0 1;

        & .prompt--row { height: auto; }
        & .prompt--label { width: auto; height: 1; padding-right: 2; color: $accent; display: none; }
        & #prompt-input-row { display: none; }
        &.-with-input .prompt--label { display: block; }
        &.-with-input #prompt-input-row { display: block; }
        &:focus-within { border-top: solid $accent; }
    }
    """

    @dataclass
    class Submitted(Message):
        text: str
        input: str

    def __init__(self) -> None:
        super().__init__()
        self._text = PromptField(send=self._send, walk=self._walk, id="prompt-text")
        self._input = PromptField(send=self._send, walk=self._walk, id="prompt-input")
        self._sent: list[Draft] = []
        self._place = 0  # in what was sent; its length: the draft
        self._draft = Draft("")

    def compose(self) -> ComposeResult:
        with Horizontal(classes="prompt--row"):
            yield Static(classes="prompt--label", id="prompt-text-label", markup=False)
            yield self._text
        with Horizontal(classes="prompt--row", id="prompt-input-row"):
            yield Static(classes="prompt--label", id="prompt-input-label", markup=False)
            yield self._input

    def on_mount(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        self.query_one("#prompt-text-label", Static).update(say("지시", "Instruction"))
        self.query_one("#prompt-input-label", Static).update(say("입력", "Input      "))
        self._text.placeholder = Content(say("무엇이든 물어보세요", "Ask anything"))
        self._input.placeholder = Content(say("지시와 함께 줄 글", "text that goes with it"))

    @property
    def value(self) -> Draft:
        return Draft(self._text.value, self._input.value if self.with_input else "")

    @property
    def with_input(self) -> bool:
        return self.has_class("-with-input")

    def set(self, text: str, input: str = "") -> None:
        """Both fields; the input's is shown where there is any."""
        self._text.set_value(text)
        self._input.set_value(input)
        if input and not self.with_input:
            self.add_class("-with-input")

    @property
    def unsent(self) -> Unsent:
        return Unsent(self._text.written, self._input.written, self.with_input)

    def take_up(self, unsent: Unsent) -> None:
        """The input's field stays open for whoever works with it."""
        self._text.written, self._input.written = unsent.text, unsent.input
        self.set_class(self.with_input or unsent.with_input, "-with-input")

    def paste(self, text: str) -> None:
        """Where the cursor is: an attached file, for example."""
        self._focused.paste(text)

    def remember(self, sent: Iterable[tuple[str, str]]) -> None:
        """What was sent before in this conversation, oldest first: (text, input)."""
        self._sent = [Draft(text, input) for text, input in sent]
        self._place = len(self._sent)

    def keep_for_later(self, draft: Draft) -> None:
        """Up finds it."""
        if not self._sent or self._sent[-1] != draft:
            self._sent.append(draft)
        self._place = len(self._sent)

    def give_back(self, text: str, input: str = "") -> bool:
        """What was here once, here again. False where somebody has typed since: then Up finds it."""
        now = self.value
        if now.text.strip() or now.input.strip():
            self.keep_for_later(Draft(text, input))
            return False
        self.set(text, input)
        return True

    def toggle_input(self) -> None:
        """The input's text is kept while its field is hidden, and sent only while it is shown."""
        self.toggle_class("-with-input")
        (self._input if self.with_input else self._text).focus()

    def focus(self, scroll_visible: bool = True) -> Prompt:
        self._text.focus(scroll_visible)
        return self

    def send(self) -> None:
        """As Enter does."""
        self._text.action_send()

    def _send(self) -> None:
        draft = self.value
        text, given = nfc(draft.text).strip(), nfc(draft.input).strip()
        if not text:
            self._text.focus()
            return
        if not self._sent or self._sent[-1] != Draft(text, given):
            self._sent.append(Draft(text, given))
        self._place = len(self._sent)
        self._text.set_value("")
        if self.with_input:
            self._input.set_value("")
        self._text.focus()
        self.post_message(self.Submitted(text, given))

    def _walk(self, step: int) -> None:
        place = self._place + step
        if not 0 <= place <= len(self._sent):
            return
        if self._place == len(self._sent):
            self._draft = self.value
        self._place = place
        draft = self._sent[place] if place < len(self._sent) else self._draft
        self.set(draft.text, draft.input)

    def on_click(self, event: events.Click) -> None:
        if not isinstance(event.widget, PromptField):
            self.focus()

    @property
    def field(self) -> PromptField:
        """Where one writes first."""
        return self._text

    @property
    def _focused(self) -> PromptField:
        return self._input if self._input.has_focus else self._text
