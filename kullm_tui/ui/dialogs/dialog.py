"""What every dialog has: enter and escape, the button that calls it off, the line that says what is wrong, and the look of its parts."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.ui.keymap import DIALOG, bindings
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.button import name_button

T = TypeVar("T")


class Dialog(ModalScreen[T | None], Generic[T]):
    """None where it was closed without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(DIALOG)
    DEFAULT_CSS = """
    Dialog .dialog--question { width: 100%; text-style: bold; }
    Dialog .dialog--more { width: 100%; color: $quiet; margin-top: 1; height: auto; }
    Dialog .dialog--line { margin-top: 1; }
    Dialog .dialog--fault { width: 100%; color: $error; height: auto; display: none; }
    Dialog .dialog--fault.-told { display: block; }
    Dialog .dialog--fault.-waiting { color: $quiet; }
    Dialog .dialog--fault.-apart { max-height: 5; margin-top: 1; }
    Dialog .dialog--buttons { height: 1; margin-top: 1; align-horizontal: right; }
    Dialog .dialog--buttons Button { margin-left: 2; }
    Dialog .form--row { height: 1; margin-top: 1; }
    Dialog .form--row.-close { margin-top: 0; }
    Dialog .form--label { width: 13; color: $quiet; }
    Dialog .form--row Input { width: 1fr; }
    """

    def tell(self, text: str = "", *, waiting: bool = False) -> None:
        """What is wrong, or what is waited for; empty takes it away."""
        line = self.query_one(".dialog--fault", Static)
        line.set_class(bool(text), "-told").set_class(waiting, "-waiting")
        line.update(plain(text))

    def name_button(self, text: str) -> None:
        """What the button that accepts will do."""
        name_button(self.query_one("#yes", Button), text)

    def action_accept(self) -> Awaitable[None] | None:
        """Enter decides where the focus is, nowhere else."""
        return None

    @on(Button.Pressed, "#no")
    def _called_off(self) -> None:
        self.action_cancel()

    def action_cancel(self) -> None:
        self.dismiss(None)
