"""The chat screen, not yet built: a place to type."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets._static import Static

from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.places import CHAT, bindings
from kullm_tui.ui.widgets.keybar import KeyBar
from kullm_tui.ui.widgets.prompt import Prompt
from kullm_tui.ui.widgets.status import StatusLine


class ChatScreen(Screen[None]):
    BINDINGS = bindings(CHAT)
    DEFAULT_CSS = """
    ChatScreen #thread { height: 1fr; }
    ChatScreen #foot { height: 1; }
    """

    def compose(self) -> ComposeResult:
        assert isinstance(self.app, KullmApp)
        yield StatusLine(self.app.status)
        yield Static(id="thread", markup=False)
        yield Prompt()
        with Horizontal(id="foot"):
            yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(Prompt).focus()

    def action_toggle_input(self) -> None:
        self.query_one(Prompt).toggle_input()
