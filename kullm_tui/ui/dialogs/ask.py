"""Dialogs that ask one thing: a decision whose consequence stands on the button, or one line of text."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe_line


class Confirm(Dialog[bool]):
    """True for the button that does it. What cannot be undone has the focus on the other one."""

    BINDINGS = [("left,up", "app.focus_previous"), ("right,down", "app.focus_next")]

    def __init__(
        self, question: str, consequence: str, *, more: str = "", stay: str = "", danger: bool = False
    ) -> None:
        """`consequence` is what the button says it will do: "대화 3개 지우기"; `stay` what the other one does, by itself nothing."""
        super().__init__()
        self._question, self._more = plain(question), plain(more)
        self._consequence, self._stay = plain(consequence), plain(stay or say("취소", "Cancel"))
        self._danger = danger

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="dialog--question", markup=False)
            if self._more:
                yield Static(self._more, classes="dialog--more", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(self._stay, id="no")
                yield Button(self._consequence, id="yes", classes="-danger" if self._danger else "")

    def on_mount(self) -> None:
        self.query_one("#no" if self._danger else "#yes", Button).focus()

    @on(Button.Pressed, "#yes")
    def _decided(self) -> None:
        self.dismiss(True)

    def action_cancel(self) -> None:
        self.dismiss(False)


class AskLine(Dialog[str]):
    """One line, NFC and without the spaces around it; None where it was closed. `fault` says what is wrong with a line, or nothing."""

    def __init__(
        self,
        question: str,
        *,
        button: str,
        value: str = "",
        placeholder: str = "",
        more: str = "",
        fault: Callable[[str], str | None] | None = None,
    ) -> None:
        super().__init__()
        self._question, self._more, self._button = plain(question), plain(more), plain(button)
        self._value, self._placeholder = safe_line(value), safe_line(placeholder)
        self._fault = fault

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="dialog--question", markup=False)
            if self._more:
                yield Static(self._more, classes="dialog--more", markup=False)
            yield Input(self._value, placeholder=self._placeholder, classes="dialog--line")
            yield Static(classes="dialog--fault", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(plain(say("취소", "Cancel")), id="no")
                yield Button(self._button, id="yes")

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def action_accept(self) -> None:
        line = safe_line(self.query_one(Input).value)
        fault = self._fault(line) if self._fault else None
        self.tell(fault or "")
        if not fault:
            self.dismiss(line)
