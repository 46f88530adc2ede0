"""The footer: the keys that work where the focus is, from the table, as many as fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from textual import events
from textual.content import Content
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from kullm_tui.ui.keymap import (
    BROWSER,
    CHAT,
    COLUMN,
    COMPARE,
    DIALOG,
    EVALUATION,
    EVALUATION_FORM,
    EVALUATIONS,
    GLOBAL,
    ITEMS,
    PROMPT,
    RATING,
    SIDEBAR,
    SYSTEMS,
    THREAD,
    VOTE,
)
from kullm_tui.ui.keymap.data import DATA, DATA_ROWS, DATA_SOURCES
from kullm_tui.ui.keymap.feedback import AFTER, FEEDBACK
from kullm_tui.ui.keymap.key import Key, KnowsWhen
from kullm_tui.ui.keymap.own import HasOwnKeys
from kullm_tui.ui.keymap.studies import STUDY
from kullm_tui.ui.keymap.training import (
    MACHINES,
    OVERLAY,
    TRAIN,
    TRAIN_CARDS,
    TRAIN_CURVES,
    TRAIN_LOG,
    TRAIN_NEW,
    TRAIN_PAGE,
    TRAIN_RECIPES,
    TRAIN_REPLIES,
)

_BETWEEN = "  "
_STAYS = frozenset({"command_palette", "help"})


class KeyBar(Widget):
    """A click on a key presses it."""

    DEFAULT_CSS = """
    KeyBar { height: 1; width: 1fr; background: $background; padding: 0 1; color: $quiet; }
    KeyBar .key-bar--key { color: $accent; }
    """
    COMPONENT_CLASSES = {"key-bar--key"}

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        return line(fitting(self._keys(), self.size.width), self.get_visual_style("key-bar--key", partial=True))

    def _keys(self) -> list[Key]:
        """What has the focus comes first; that the same can be had by another key from everywhere is told by F1."""
        shown: dict[str, Key] = {}
        for key in usable(self.screen):
            if key.footer:
                shown.setdefault(key.meaning, self._here(key))
        return list(shown.values())

    def _here(self, key: Key) -> Key:
        """As it is pressed here. The key that leads to the comparison leads back from there."""
        key = cast("HasOwnKeys", self.app).own_keys.of(key)
        if key.action == "compare" and self.app.current_mode == "compare":
            return replace(key, korean="대화", english="chat")
        return key

    def on_click(self, event: events.Click) -> None:
        key = event.style.meta.get("key")
        if key:
            self.app.simulate_key(key)


def usable(screen: Screen[object]) -> list[Key]:
    """The keys of the table that do just now what the table says: bound, allowed, no text, there is someone to do it, and it is the time."""
    focused = screen.focused
    active = {
        (spelling, active.binding.action): active.node
        for spelling, active in screen.active_bindings.items()
        if active.enabled and is_done(active.node, active.binding.action)
        if not (focused and focused.check_consume_key(spelling, key_to_character(spelling)))
    }
    return [
        key
        for place in (
            VOTE,
            THREAD,
            COLUMN,
            SIDEBAR,
            BROWSER,
            RATING,
            ITEMS,
            EVALUATION,
            EVALUATIONS,
            SYSTEMS,
            EVALUATION_FORM,
            TRAIN_LOG,
            TRAIN_REPLIES,
            OVERLAY,
            TRAIN_CURVES,
            TRAIN_CARDS,
            TRAIN_PAGE,
            TRAIN,
            TRAIN_RECIPES,
            TRAIN_NEW,
            MACHINES,
            FEEDBACK,
            AFTER,
            STUDY,
            DATA_ROWS,
            DATA_SOURCES,
            DATA,
            DIALOG,
            PROMPT,
            CHAT,
            COMPARE,
            GLOBAL,
        )
        for key in place
        if any(_is_time((spelling, key.action), key, active) for spelling in key.key.split(","))
    ]


def _is_time(pressed: tuple[str, str], key: Key, active: Mapping[tuple[str, str], DOMNode]) -> bool:
    node = active.get(pressed)
    return node is not None and (key.when == "always" or not isinstance(node, KnowsWhen) or node.holds(key.when))


def is_done(node: DOMNode, action: str) -> bool:
    """Whether there is someone to do it; what is bound for a screen that is still to come is nobody's."""
    name = action.partition("(")[0]
    return hasattr(node, f"action_{name}") or hasattr(node, f"_action_{name}")


def fitting(keys: Sequence[Key], width: int) -> list[Key]:
    """The two keys that lead to all others stay; of the rest the last are dropped until it fits."""
    everywhere = [key for key in keys if key.action in _STAYS]
    others = [key for key in keys if key.action not in _STAYS]
    while others and line([*others, *everywhere]).cell_length > width:
        others.pop()
    return [*others, *everywhere]


def line(keys: Sequence[Key], key_style: Style | None = None) -> Content:
    items = [
        Content.assemble(
            (key.display, (key_style or Style()) + Style.from_meta({"key": key.key.partition(",")[0]})),
            f" {key.meaning}",
        )
        for key in keys
    ]
    return Content(_BETWEEN).join(items)
