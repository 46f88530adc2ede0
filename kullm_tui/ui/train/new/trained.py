"""What is trained: a recipe's first rows with the trained tokens marked, before anything is begun."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, apart, begin
from kullm_tui.ui.text import plain, safe, safe_line
from trainer.dataset.show import ShownRow
from trainer.recipe import Recipe

ROWS = 3
_MARK = "on $accent 35%"


class TrainedScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f3,enter,q", "dismiss", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]
    AUTO_FOCUS = "#rows"
    DEFAULT_CSS = """
    TrainedScreen #panel { width: 100; max-width: 96%; height: auto; max-height: 94%; padding: 1 3; background: $lift; border-left: outer $accent; }
    TrainedScreen #panel:ansi { border: round ansi_bright_black; }
    TrainedScreen #rows { height: auto; max-height: 66vh; background: $lift; scrollbar-background: $lift; scrollbar-background-hover: $lift; scrollbar-background-active: $lift; }
    TrainedScreen Static { width: 100%; }
    TrainedScreen .title { text-style: bold; }
    TrainedScreen .end { color: $quiet; margin-top: 1; }
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self._recipe = recipe

    def compose(self) -> ComposeResult:
        with Vertical(id="panel"):
            yield Static(say("학습할 부분", "What is trained"), classes="title", markup=False)
            yield Static(_legend(), markup=False)
            with VerticalScroll(id="rows"):
                yield Static(say("읽는 중 …", "reading …"), id="text", markup=False)
            yield Static(say("↑↓ 넘기기   esc 닫기", "↑↓ scroll   esc close"), classes="end", markup=False)

    def on_mount(self) -> None:
        begin(self, self._read, self._tell)

    async def _read(self) -> None:
        rows = await apart(partial(_rows, self._recipe))
        self.query_one("#text", Static).update(Content("\n\n").join(row_text(row) for row in rows))

    def _tell(self, fault: Fault) -> None:
        self.query_one("#text", Static).update(Content.styled(safe(str(fault)), "$error"))

    def action_scroll(self, lines: int) -> None:
        self.query_one("#rows", VerticalScroll).scroll_relative(y=lines)


def _legend() -> Content:
    return Content.assemble(
        say("데이터의 처음 세 행이에요. ", "The first three rows of the data. "),
        (say("이렇게 칠한 토큰", "Tokens marked like this"), _MARK),
        say("만 배우고, 나머지는 읽기만 해요.", " are learnt; the rest is only read."),
    )


def _rows(recipe: Recipe) -> list[ShownRow]:
    from trainer.dataset.show import shown
    from trainer.jobs.prepare_here import base_folder

    return list(shown(recipe, base_folder(recipe), ROWS))


def row_text(row: ShownRow) -> Content:
    """A line of facts, then the text."""
    number = say(f"{row.number}번째 행", f"row {row.number}")
    if row.rejection:
        why = say("학습하지 않음", "not trained")
        return Content.assemble((f"{number} · ", "$quiet"), (f"{why}: {safe_line(row.rejection)}", "$warning"))
    cut = say(" · 잘림(끝 토큰 없음)", " · cut (no end token)") if row.cut else ""
    facts = say(
        f"토큰 {row.tokens}개 · 학습하는 토큰 {row.trained_tokens}개{cut}",
        f"{row.tokens} tokens · {row.trained_tokens} trained{cut}",
    )
    return Content.assemble((f"{number} · {facts}\n", "$quiet"), *_spans(row))


def _spans(row: ShownRow) -> Sequence[tuple[str, str]]:
    groups = groupby(row.pieces, key=lambda piece: piece.trained)
    return [
        (plain("".join(piece.text for piece in group)).plain, _MARK if trained else "") for trained, group in groups
    ]
