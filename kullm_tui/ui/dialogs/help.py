"""F1: every key that does something on the screen below, scope by scope, from the table of the bindings themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.keymap import GLOBAL, PRIORITY_ACTIONS, SCOPES, Scope
from kullm_tui.ui.keymap.key import Key, display
from kullm_tui.ui.keymap.own import OwnKeys
from kullm_tui.ui.widgets.key_bar import is_done

_KEY_CELLS = 14


class HelpScreen(ModalScreen[None]):
    BINDINGS = [("escape,f1,q,enter", "dismiss"), ("j", "scroll(1)"), ("k", "scroll(-1)")]
    AUTO_FOCUS = "#help-body"
    DEFAULT_CSS = """
    HelpScreen #help-body { width: 76; max-width: 96%; height: auto; max-height: 94%; padding: 1 3; background: $lift; border-left: outer $accent; scrollbar-background: $lift; scrollbar-background-hover: $lift; scrollbar-background-active: $lift; }
    HelpScreen #help-body:ansi { border: round ansi_bright_black; }
    HelpScreen .help--scope { color: $accent; text-style: bold; margin-top: 1; }
    HelpScreen .help--title { text-style: bold; }
    HelpScreen .help--end { color: $quiet; margin-top: 1; }
    HelpScreen Static { width: 100%; }
    """

    def __init__(self, scopes: Sequence[Scope], own: OwnKeys) -> None:
        super().__init__()
        self._scopes, self._own = scopes, own

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-body"):
            yield Static(say("단축키", "Keys"), classes="help--title", markup=False)
            for scope in self._scopes:
                yield Static(scope.name, classes="help--scope", markup=False)
                yield Static(keys_of(scope, self._own), markup=False)
            yield Static(
                say(
                    "한글 상태에서도 모두 그대로 눌려요.   ↑↓ 넘기기   esc 닫기",
                    "All of them work in Hangul mode too.   ↑↓ scroll   esc close",
                ),
                classes="help--end",
                markup=False,
            )

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help-body", VerticalScroll).scroll_relative(y=lines)


def scopes_of(screen: Screen[object]) -> list[Scope]:
    """The scopes of this screen, each with those of its keys that somebody there answers to."""
    nodes: list[DOMNode] = list(screen.walk_children(with_self=True))
    bound = [_bound(node) for node in nodes]
    taken = {key for key, _ in bound[0]}  # by the screen, which is asked before the app; a dialog lets little through
    left = {one for one in _bound(screen.app) if one[0] not in taken or one[1] in PRIORITY_ACTIONS}
    nodes.append(screen.app)
    bound.append({one for one in left if one[1] in PRIORITY_ACTIONS or not screen.is_modal})
    answered = {one for node, keys in zip(nodes, bound, strict=True) for one in keys if is_done(node, one[1])}
    found = []
    for scope in SCOPES:
        if scope.keys is GLOBAL or any(keys >= _spelled(scope.keys) for keys in bound):
            keys = tuple(key for key in scope.keys if _spelled((key,)) & answered)
            found += [replace(scope, keys=keys)] if keys else []
    return found


def _bound(node: DOMNode) -> set[tuple[str, str]]:
    return {(key, binding.action) for key, bindings in node._bindings.key_to_bindings.items() for binding in bindings}


def _spelled(keys: Sequence[Key]) -> set[tuple[str, str]]:
    return {(spelling, key.action) for key in keys for spelling in key.key.split(",")}


def keys_of(scope: Scope, own: OwnKeys) -> Content:
    rows = []
    for key in map(own.of, scope.keys):
        pressed = Content(" ".join(display(spelling) for spelling in key.key.split(",")))
        gap = " " * max(2, _KEY_CELLS - pressed.cell_length)
        rows.append(Content.assemble(pressed, gap, key.told_whole))
    return Content("\n").join(rows)
