"""Another language for the interface: everything that is mounted says again what it said when it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual.widget import Widget

if TYPE_CHECKING:
    from textual.app import App


@runtime_checkable
class Relabels(Protocol):
    """A screen or widget with words of its own that it does not make anew at each drawing."""

    def relabel(self) -> None: ...


def relabel(app: App[Any]) -> None:
    """Every screen of every mode, also those that are not on top."""
    screens = {screen: None for stack in app._screen_stacks.values() for screen in stack}
    for screen in screens:
        for node in screen.walk_children(Widget, with_self=True):
            if isinstance(node, Relabels):
                node.relabel()
            node.refresh(layout=True)
        screen.refresh_bindings()
