"""A plot on the screen: drawn for the room that it has, once for each time that it changed, whatever else is painted anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from kullm_tui.core.plot.rows import Piece, Row, Style, plain

Draw = Callable[[int, int], Sequence[Row]]
_SERIES = 6


class Chart(Widget):
    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; }
    Chart .chart--0 { color: $accent; }
    Chart .chart--1 { color: $success; }
    Chart .chart--2 { color: $warning; }
    Chart .chart--3 { color: $error; }
    Chart .chart--4 { color: $secondary; }
    Chart .chart--5 { color: $foreground; }
    Chart .chart--quiet { color: $quiet; }
    Chart .chart--strong { text-style: bold; }
    Chart .chart--alarm { color: $error; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"chart--{place}" for place in range(_SERIES)),
        "chart--quiet",
        "chart--strong",
        "chart--alarm",
    }

    @dataclass
    class Pointed(Message):
        """A click within the axes: how far along them, from 0 to 1."""

        chart: Chart
        share: float

        @property
        def control(self) -> Chart:
            return self.chart

    def __init__(self, draw: Draw | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._draw = draw
        self._rows: Sequence[Row] = ()
        self._drawn_for: Size | None = None

    def show(self, draw: Draw) -> None:
        self._draw = draw
        self.draw_again()

    def draw_again(self) -> None:
        self._drawn_for = None
        self.refresh()

    @property
    def rows(self) -> Sequence[Row]:
        if self._drawn_for != self.size:
            self._drawn_for = self.size
            self._rows = self._draw(self.size.width, self.size.height) if self._draw and self.size else ()
        return self._rows

    def render_line(self, y: int) -> Strip:
        rows, base = self.rows, self.rich_style
        if y >= len(rows):
            return Strip.blank(self.size.width, base)
        segments = [Segment(piece.text, base + self._style(piece)) for piece in rows[y]]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, piece: Piece) -> RichStyle:
        name = _name(piece.style)
        return self.get_component_rich_style(name, partial=True) if name else RichStyle.null()

    def on_click(self, event: events.Click) -> None:
        left = self._left()
        cells = self.size.width - left
        if left and cells > 1 and event.x >= left:
            self.post_message(self.Pointed(self, (event.x - left) / (cells - 1)))

    def _left(self) -> int:
        """The first cell of the canvas: behind the axis, whose foot is a corner."""
        corners = [plain(row).find("└") + 1 for row in self.rows]
        return max(corners, default=0)


def _name(style: Style) -> str:
    if isinstance(style, int):
        return f"chart--{style % _SERIES}"
    return f"chart--{style}" if style else ""
