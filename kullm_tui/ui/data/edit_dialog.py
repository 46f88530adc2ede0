"""A row's texts, changed by hand: every turn in a field of its own, what was translated above it."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets._button import Button
from textual.widgets._static import Static
from textual.widgets._text_area import TextArea

from data.row import Row
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe


class EditRow(Dialog[tuple[Message, ...]]):
    """The turns as they shall be; None where nothing is to change."""

    BINDINGS = [("ctrl+s", "keep")]
    CSS = """
    EditRow .dialog { width: 90%; max-width: 110; height: auto; max-height: 90%; }
    EditRow VerticalScroll { height: auto; max-height: 60vh; }
    EditRow TextArea { height: auto; min-height: 3; max-height: 12; border: none; background: $surface; padding: 0 1; margin-bottom: 1; }
    EditRow .quiet { color: $quiet; width: 100%; }
    """

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(say("행 고치기", "Change the row"), classes="dialog--question", markup=False)
            with VerticalScroll():
                for place, one in enumerate(self._row.messages):
                    yield Static(plain(self._label(place, one)), classes="quiet", markup=False)
                    yield TextArea(safe(one.content), id=f"turn-{place}", tab_behavior="focus", soft_wrap=True)
                    if one.input:
                        yield Static(say("입력", "input"), classes="quiet", markup=False)
                        yield TextArea(safe(one.input), id=f"input-{place}", tab_behavior="focus", soft_wrap=True)
            yield Static(classes="dialog--fault", markup=False)
            with Horizontal(classes="dialog--buttons"):
                yield Button(say("취소", "Cancel"), id="no")
                yield Button(say("다음에 만들 때 이렇게 (^s)", "So at the next build (^s)"), id="keep")

    def on_mount(self) -> None:
        self.query(TextArea).last().focus()

    def _label(self, place: int, one: Message) -> str:
        name = say("답변", "answer") if one.role == "assistant" else say("질문", "question")
        if place < len(self._row.original):
            return f"{name} · {safe(self._row.original[place].content)[:200]}"
        return name

    @on(Button.Pressed, "#keep")
    def action_keep(self) -> None:
        turns = tuple(self._turn(place, one) for place, one in enumerate(self._row.messages))
        if any(not one.content.strip() for one in turns):
            self.tell(
                say(
                    "빈 글은 학습할 수 없어요. 행을 빼려면 취소하고 del을 누르세요.",
                    "An empty text cannot be trained. To leave the row out: cancel, then del.",
                )
            )
            return
        self.dismiss(turns if turns != self._row.messages else None)

    def _turn(self, place: int, one: Message) -> Message:
        content = self.query_one(f"#turn-{place}", TextArea).text
        given = self.query_one(f"#input-{place}", TextArea).text if one.input else ""
        # What a terminal may not show was taken out of the field, not of the text that nobody changed.
        return replace(
            one,
            content=one.content if content == safe(one.content) else content,
            input=one.input if given == safe(one.input) else given,
        )
