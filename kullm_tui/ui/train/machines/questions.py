"""What ssh wants to know, asked by a dialog: whether a host's key is right, a passphrase, a password, a code."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe

if TYPE_CHECKING:
    from textual.app import App

    from trainer.jobs.transports.askpass import Asking, Question


def asking_in(app: App[Any]) -> Asking:
    """For ssh's threads: each waits there until somebody has answered. None is given where the dialog is closed."""

    def ask(question: Question) -> str | None:
        if question.kind == "touch":
            app.call_from_thread(app.notify, safe(question.text), markup=False, timeout=30)
            return ""
        answer: Future[str | None] = Future()
        app.call_from_thread(_show, app, question, answer)
        return answer.result()

    return ask


def _show(app: App[Any], question: Question, answer: Future[str | None]) -> None:
    if question.kind == "host key":
        app.push_screen(host_key(question.text), lambda agreed: answer.set_result("yes" if agreed else None))
    else:
        kept = say("ssh에만 건네고 어디에도 저장하지 않아요.", "It goes to ssh alone and is kept nowhere.")
        app.push_screen(Secret(question.text, kept, say("연결하기", "Connect")), answer.set_result)


def host_key(text: str) -> Confirm:
    """In ssh's own words, without its last line, which tells what to type."""
    lines = [line for line in text.splitlines() if "(yes/no" not in line]
    return Confirm(
        say("처음 연결하는 장비예요. 이 지문이 맞나요?", "This machine is new here. Is this its fingerprint?"),
        say("맞아요, 연결하기", "It is: connect"),
        more="\n".join(lines) + "\n\n" + _whom_to_ask(),
        stay=say("연결하지 않기", "Do not connect"),
        danger=True,
    )


def _whom_to_ask() -> str:
    return say(
        "관리자가 알려 준 지문과 같을 때만 연결하세요. 다르면 다른 컴퓨터가 그 주소에서 답하고 있는 거예요.",
        "Connect only if it is the one that its administrator gives. If it differs, another computer answers at that address.",
    )


class Secret(Dialog[str]):
    """A line that is typed unseen; None where it was closed. `fault` says what is wrong with a line, or nothing."""

    def __init__(
        self, question: str, more: str, button: str, fault: Callable[[str], str | None] = lambda _line: None
    ) -> None:
        super().__init__()
        self._question, self._more, self._button = plain(question), plain(more), plain(button)
        self._fault = fault

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="dialog--question", markup=False)
            yield Static(self._more, classes="dialog--more", markup=False)
            yield Input(password=True, classes="dialog--line")
            yield Static(classes="dialog--fault", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(plain(say("취소", "Cancel")), id="no")
                yield Button(self._button, id="yes")

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def action_accept(self) -> None:
        line = self.query_one(Input).value
        fault = self._fault(line)
        self.tell(fault or "")
        if not fault:
            self.dismiss(line)
