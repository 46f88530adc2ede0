"""A field of text for people who type Korean: it grows with its lines, sends on Enter, and loses no syllable.

An input method may deliver the syllable that was being composed only after the Enter that ended it. So Enter waits a moment,
and a Hangul key that arrives in it still belongs to the text that is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from textual import events
from textual.binding import Binding
from textual.timer import Timer
from textual.widgets._text_area import TextArea

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc
from kullm_tui.ui.keymap import PROMPT, bindings
from kullm_tui.ui.terminal.editor import edited
from kullm_tui.ui.terminal.hangul_keys import is_hangul
from kullm_tui.ui.text import safe

LATE_SYLLABLE_SECONDS = 0.03
LONGEST_SHOWN = 5000  # a longer paste is kept aside and stands in the field as one word

# Keys that mean something else in this app. Everything else of a text area stays.
_NOT_OURS = {"f6", "f7", "pageup", "pagedown", "up", "down", "ctrl+x"}
# Parts of a syllable that arrive decomposed, as some macOS terminals send them: vowels and finals that join what stands before.
_JOINING = ("\u1160", "\u11ff")


def _kept() -> list[Binding]:
    kept: list[Binding] = []
    for inherited in Binding.make_bindings(TextArea.BINDINGS):
        if inherited.key not in _NOT_OURS:
            kept.append(inherited)
    return kept


@dataclass(frozen=True)
class Written:
    """What stands in a field, with the long pastes that words of it stand for, and where the cursor is."""

    text: str = ""
    aside: Mapping[str, str] = field(default_factory=dict)
    cursor: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, text: str) -> Written:
        """To be gone on with at its end."""
        last = text.split("\n")
        return cls(text, cursor=(len(last) - 1, len(last[-1])))

    @property
    def whole(self) -> str:
        """With the long pastes in their places."""
        text = self.text
        for word, pasted in self.aside.items():
            text = text.replace(word, pasted)
        return nfc(text)


class PromptField(TextArea, inherit_bindings=False):
    BINDINGS = [*_kept(), *bindings(PROMPT)]
    DEFAULT_CSS = """
    PromptField {
        height: auto;
        min-height: 1;
        max-height: 34vh;
        padding: 0;
        border: none;
        background: $background;
        scrollbar-gutter: auto;

        &:focus { border: none; }
        & .text-area--placeholder { color: $quiet; }
        & .text-area--cursor-line { background: transparent; }
    }
    """

    def __init__(self, *, send: Callable[[], None], walk: Callable[[int], None], id: str | None = None) -> None:
        """Both are called at once, not by a message: a key that follows must find the field as they leave it.

        `walk` is told of up (-1) on the first line and down (1) on the last, where earlier and later prompts are.
        """
        super().__init__(id=id, highlight_cursor_line=False, compact=True, soft_wrap=True)
        self.cursor_blink = False
        self._send, self._walk = send, walk
        self._sending: Timer | None = None
        self._aside: dict[str, str] = {}  # the word that stands for a long paste, and the paste

    @property
    def value(self) -> str:
        return self.written.whole

    def set_value(self, text: str) -> None:
        self._aside.clear()
        self.load_text(self._shown(safe(text)))
        self.move_cursor(self.document.end)

    @property
    def written(self) -> Written:
        return Written(self.text, dict(self._aside), self.cursor_location)

    @written.setter
    def written(self, written: Written) -> None:
        if len(written.text) > LONGEST_SHOWN:  # from a file: it was never in a field
            self.set_value(written.text)
            return
        self._aside = dict(written.aside)
        self.load_text(written.text)
        self.move_cursor(written.cursor)

    # Keys

    async def _on_key(self, event: events.Key) -> None:
        if self._sending is not None:
            late = is_hangul(event.character)
            if late:
                self._type(event)
            if event.key != "enter":
                self._send_now()
            if late or event.key == "enter":
                event.stop()
                event.prevent_default()
                return
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.action_send()
        elif event.character and _JOINING[0] <= event.character <= _JOINING[1]:
            self._type(event)

    def _type(self, event: events.Key) -> None:
        """The character, joined with the one before it where the two are one syllable."""
        event.stop()
        event.prevent_default()
        start, end = self.selection
        row, column = self.cursor_location
        before = self.document[row][:column][-1:] if start == end else ""
        joined = nfc(before + (event.character or ""))
        if before and len(joined) == 1:
            start = (row, column - 1)
        else:
            joined = event.character or ""
        self._replace_via_keyboard(joined, start, end)

    def action_send(self) -> None:
        if self._sending is None:
            self._sending = self.set_timer(LATE_SYLLABLE_SECONDS, self._send_now)

    def _send_now(self) -> None:
        if self._sending is not None:
            self._sending.stop()
            self._sending = None
            self._send()

    def action_newline(self) -> None:
        self._replace_via_keyboard("\n", *self.selection)
        self.scroll_cursor_visible()

    def action_edit_outside(self) -> None:
        """What is selected is cut, as the key does elsewhere."""
        if not self.selection.is_empty:
            self.action_cut()
            return
        try:
            self.set_value(edited(self.app, self.value))
        except KullmError as error:
            self.app.notify(safe(str(error)), severity="error", markup=False)

    def action_earlier(self) -> None:
        self._up_or_down(-1)

    def action_later(self) -> None:
        self._up_or_down(1)

    def action_to_thread(self) -> None:
        self.screen.focus_previous()

    def _up_or_down(self, step: int) -> None:
        navigator = self.navigator
        if step < 0:
            at_edge = navigator.is_first_wrapped_line(self.cursor_location)
        else:
            at_edge = navigator.is_last_wrapped_line(self.cursor_location)
        if at_edge and self.selection.is_empty:
            self._walk(step)
        elif step < 0:
            self.action_cursor_up()
        else:
            self.action_cursor_down()

    # Pastes

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.paste(event.text)

    def action_paste(self) -> None:
        self.paste(self.app.clipboard)

    def paste(self, text: str) -> None:
        self._replace_via_keyboard(self._shown(safe(text)), *self.selection)
        self.scroll_cursor_visible()

    def _shown(self, text: str) -> str:
        if len(text) <= LONGEST_SHOWN:
            return text
        number, count = len(self._aside) + 1, f"{len(text):,}"
        word = f"⟦{say(f'붙인 글 {number} · {count}자', f'pasted text {number} · {count} characters')}⟧"
        self._aside[word] = text
        return word
