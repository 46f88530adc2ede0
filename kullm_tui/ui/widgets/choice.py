"""One of a few, side by side on one line: left and right choose, and so does a click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

_BETWEEN = "   "


class Choice(Widget, can_focus=True):
    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; color: $quiet; }
    Choice .choice--chosen { color: $foreground; text-style: bold underline; }
    Choice:focus .choice--chosen { color: $accent; text-style: bold underline; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [("left", "step(-1)"), ("right,space", "step(1)")]

    chosen: reactive[int] = reactive(0)

    class Changed(Message):
        def __init__(self, choice: Choice, chosen: int) -> None:
            super().__init__()
            self.choice, self.chosen = choice, chosen

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._names = tuple(names)

    def rename(self, names: Sequence[str]) -> None:
        """The same choices in other words."""
        self._names = tuple(names)
        self.refresh()

    def render(self) -> Content:
        style = self.get_visual_style("choice--chosen", partial=True)
        return Content(_BETWEEN).join(
            Content.assemble((name, (style if place == self.chosen else Style()) + Style.from_meta({"place": place})))
            for place, name in enumerate(self._names)
        )

    def watch_chosen(self, chosen: int) -> None:
        self.post_message(self.Changed(self, chosen))

    def action_step(self, step: int) -> None:
        self.chosen = (self.chosen + step) % len(self._names)

    def on_click(self, event: events.Click) -> None:
        place = event.style.meta.get("place")
        if isinstance(place, int):
            self.chosen = place
