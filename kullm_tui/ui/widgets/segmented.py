"""One of a few, side by side on one line: left and right choose, and so does a click. Where the line is too short for all, it shows those
around the chosen one, and an arrow at an end stands for the next one that is hidden there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

_BETWEEN = "   "
_BEFORE, _AFTER = "‹ ", " ›"


class Choice(Widget, can_focus=True):
    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; color: $quiet; }
    Choice .choice--chosen { color: $foreground; text-style: bold underline; }
    Choice:focus .choice--chosen { color: $accent; text-style: bold underline; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [("left", "step(-1)"), ("right,space", "step(1)")]

    chosen: reactive[int] = reactive(0)

    @dataclass
    class Changed(Message):
        choice: Choice
        chosen: int

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._names = tuple(names)

    def rename(self, names: Sequence[str]) -> None:
        """The same choices in other words."""
        self._names = tuple(names)
        self.refresh()

    def render(self) -> Content:
        first, last = self._in_sight(self.content_size.width)
        parts = [Content(_BETWEEN).join(self._shown(place) for place in range(first, last + 1))]
        if first > 0:
            parts.insert(0, _leading_to(_BEFORE, first - 1))
        if last < len(self._names) - 1:
            parts.append(_leading_to(_AFTER, last + 1))
        return Content("").join(parts).truncate(max(1, self.content_size.width), ellipsis=True)

    def _shown(self, place: int) -> Content:
        style = self.get_visual_style("choice--chosen", partial=True) if place == self.chosen else Style()
        return Content.assemble((self._names[place], style + Style.from_meta({"place": place})))

    def _in_sight(self, width: int) -> tuple[int, int]:
        """The first and the last that are shown: all, or as many around the chosen one as have room beside the arrows."""
        if self._width(0, len(self._names) - 1) <= width:
            return 0, len(self._names) - 1
        first = last = self.chosen
        for place in self._outwards():
            wider = min(first, place), max(last, place)
            if wider[1] - wider[0] == last - first + 1 and self._width(*wider) <= width:
                first, last = wider
        return first, last

    def _outwards(self) -> Iterator[int]:
        """The places after the chosen one, nearest first, then those before it."""
        yield from range(self.chosen + 1, len(self._names))
        yield from range(self.chosen - 1, -1, -1)

    def _width(self, first: int, last: int) -> int:
        names = Content(_BETWEEN.join(self._names[first : last + 1])).cell_length
        return names + len(_BEFORE) * (first > 0) + len(_AFTER) * (last < len(self._names) - 1)

    def watch_chosen(self, chosen: int) -> None:
        self.post_message(self.Changed(self, chosen))

    def action_step(self, step: int) -> None:
        self.chosen = (self.chosen + step) % len(self._names)

    def on_click(self, event: events.Click) -> None:
        place = event.style.meta.get("place")
        if isinstance(place, int):
            self.chosen = place


def _leading_to(arrow: str, place: int) -> Content:
    return Content.assemble((arrow, Style.from_meta({"place": place})))
