"""F1: every key, place by place, from the table of the bindings themselves."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.places import PLACES, Place, display

_KEY_CELLS = 14


class HelpScreen(ModalScreen[None]):
    BINDINGS = [("escape,f1,q,enter", "dismiss"), ("j", "scroll(1)"), ("k", "scroll(-1)")]
    AUTO_FOCUS = "#help-body"
    DEFAULT_CSS = """
    HelpScreen #help-body { width: 76; max-width: 96%; height: auto; max-height: 94%; padding: 1 3; background: $lift; border-left: outer $accent; scrollbar-background: $lift; scrollbar-background-hover: $lift; scrollbar-background-active: $lift; }
    HelpScreen #help-body:ansi { border: round ansi_bright_black; }
    HelpScreen .help--place { color: $accent; text-style: bold; margin-top: 1; }
    HelpScreen .help--title { text-style: bold; }
    HelpScreen .help--end { color: $quiet; margin-top: 1; }
    HelpScreen Static { width: 100%; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-body"):
            yield Static(say("단축키", "Keys"), classes="help--title", markup=False)
            for place in PLACES:
                yield Static(place.name, classes="help--place", markup=False)
                yield Static(keys_of(place), markup=False)
            yield Static(
                say(
                    "한글 상태에서도 모두 그대로 눌러집니다.   ↑↓ 넘기기   esc 닫기",
                    "All of them work in Hangul mode too.   ↑↓ scroll   esc close",
                ),
                classes="help--end",
                markup=False,
            )

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help-body", VerticalScroll).scroll_relative(y=lines)


def keys_of(place: Place) -> Content:
    rows = []
    for key in place.keys:
        pressed = Content(" ".join(display(spelling) for spelling in key.key.split(",")))
        gap = " " * max(2, _KEY_CELLS - pressed.cell_length)
        rows.append(Content.assemble(pressed, gap, key.told_whole))
    return Content("\n").join(rows)
