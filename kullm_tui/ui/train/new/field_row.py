"""One field of the form: its name, what is typed or chosen, and below it what is wrong with that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.segmented import Choice


class FieldRow(Vertical):
    DEFAULT_CSS = """
    FieldRow { height: auto; }
    FieldRow Horizontal { height: 1; }
    FieldRow .label { width: 19; color: $quiet; }
    FieldRow.-changed .label { color: $accent; }
    FieldRow Input { width: 1fr; }
    FieldRow Choice { padding: 0 1; }
    FieldRow .fault { height: auto; width: 100%; padding-left: 20; color: $error; display: none; }
    FieldRow.-faulty .fault { display: block; }
    FieldRow.-faulty .label { color: $error; }
    """

    @dataclass
    class Changed(Message):
        row: FieldRow

    def __init__(self, key: str, label: str, value: str, *, choices: Sequence[str] = (), placeholder: str = "") -> None:
        super().__init__()
        self.key = key
        self._fault = ""
        self._label = label
        self._choices = tuple(choices)
        self._editor: Choice | Input
        if choices:
            self._editor = Choice(self._choices)
            self._editor.set_reactive(Choice.chosen, self._choices.index(value) if value in self._choices else 0)
        else:
            self._editor = Input(safe_line(value), placeholder=placeholder)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(self._label, classes="label", markup=False)
            yield self._editor
        yield Static(plain(self._fault), classes="fault", markup=False)

    @property
    def editor(self) -> Choice | Input:
        return self._editor

    @property
    def text(self) -> str:
        if isinstance(self._editor, Choice):
            return self._choices[self._editor.chosen]
        return safe_line(self._editor.value)

    @text.setter
    def text(self, value: str) -> None:
        if not isinstance(self._editor, Choice):
            self._editor.value = safe_line(value)
        elif value in self._choices:
            self._editor.chosen = self._choices.index(value)

    def offer(self, choices: Sequence[str], value: str) -> None:
        """Other choices, of which this one is taken."""
        self._choices = tuple(choices)
        if isinstance(self._editor, Choice):
            self._editor.rename(self._choices)
            self._editor.chosen = self._choices.index(value) if value in self._choices else 0

    def name_it(self, label: str, choices: Sequence[str] = (), *, placeholder: str = "") -> None:
        """In another language. The choices may be named otherwise, and stay the same."""
        self._label = label
        self.query_one(".label", Static).update(plain(label))
        if choices and isinstance(self._editor, Choice):
            self._choices = tuple(choices)
            self._editor.rename(self._choices)
        if placeholder and isinstance(self._editor, Input):
            self._editor.placeholder = placeholder

    def tell(self, fault: str) -> None:
        self._fault = fault
        self.set_class(bool(fault), "-faulty")
        for line in self.query(".fault").results(Static):
            line.update(plain(fault))

    @on(Input.Changed)
    @on(Choice.Changed)
    def _edited(self, event: Input.Changed | Choice.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self))
