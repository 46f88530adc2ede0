"""A list of any length, of which only the lines in sight are drawn: ten thousand conversations cost what thirty cost."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual


class Row(Protocol):
    @property
    def height(self) -> int: ...

    @property
    def choosable(self) -> bool:
        """False for a heading."""

    def draw(self, line: int, width: int, /) -> Content:
        """One line of the row."""


@dataclass(frozen=True)
class Heading:
    """A line that cannot be chosen."""

    text: str
    height: int = 1
    choosable: bool = False

    def draw(self, _line: int, _width: int, /) -> Content:
        return Content(self.text)


class Rows(ScrollView, can_focus=True):
    COMPONENT_CLASSES = {"rows--row", "rows--heading", "rows--chosen", "rows--chosen-blurred"}
    DEFAULT_CSS = """
    Rows { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; background: transparent; }
    Rows > .rows--row { color: $text; }
    Rows > .rows--heading { color: $quiet; }
    Rows > .rows--chosen { color: $text; background: $accent 30%; text-style: bold; }
    Rows > .rows--chosen-blurred { color: $text; background: $accent 15%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "to_end(-1)", show=False),
        Binding("end", "to_end(1)", show=False),
        Binding("enter", "take", show=False),
    ]

    chosen: reactive[int | None] = reactive(None)

    @dataclass
    class Taken(Message):
        """Enter, or a click, on a row."""

        rows: "Rows"
        index: int

        @property
        def control(self) -> "Rows":
            return self.rows

    @dataclass
    class Moved(Message):
        """Another row is chosen."""

        rows: "Rows"
        index: int | None

        @property
        def control(self) -> "Rows":
            return self.rows

    @dataclass
    class LeftAtTop(Message):
        """Up on the first row."""

        rows: "Rows"

        @property
        def control(self) -> "Rows":
            return self.rows

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._starts: list[int] = []  # the line where each row begins
        self._lines = 0
        self._drawn: dict[int, Content] = {}  # what a line said when it was drawn last

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    def show(self, rows: Sequence[Row], chosen: int | None = None) -> None:
        before = (self._starts, self._lines, self.chosen)
        self._rows = rows
        self._starts, line = [], 0
        for row in rows:
            self._starts.append(line)
            line += row.height
        self._lines = line
        self.virtual_size = Size(self.scrollable_content_region.width or self.size.width, line)
        self.set_reactive(Rows.chosen, chosen if chosen is not None and chosen < len(rows) else None)
        if (self._starts, self._lines, self.chosen) == before:
            self.draw_anew()
        else:
            self._drawn = {}
            self.refresh()
        self._bring_into_sight()

    def draw_anew(self) -> None:
        """The lines in sight that say something else by now; each is worth a part of a key's echo."""
        top = self.scroll_offset.y
        self._drawn = {line: said for line, said in self._drawn.items() if top <= line < top + self.size.height}
        for line, said in self._drawn.items():
            if not self._content(line).is_same(said):
                self.refresh_line(line)

    def render_line(self, y: int) -> Strip:
        line, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if line >= self._lines or width <= 0:
            return Strip.blank(width, self.rich_style)
        index = bisect_right(self._starts, line) - 1
        style = self.get_visual_style(self._component(index, self._rows[index]))
        content = self._drawn[line] = self._content(line)
        if index == self.chosen and self.app.theme.startswith("ansi"):
            content = Content(content.plain)  # of sixteen colours one may be that of the chosen row
        return Visual.to_strips(self, content, width, 1, style)[0].crop_extend(0, width, style.rich_style)

    def _content(self, line: int) -> Content:
        index, width = bisect_right(self._starts, line) - 1, self.scrollable_content_region.width
        return self._rows[index].draw(line - self._starts[index], width).truncate(width, ellipsis=True)

    def _component(self, index: int, row: Row) -> str:
        if not row.choosable:
            return "rows--heading"
        if index != self.chosen:
            return "rows--row"
        return "rows--chosen" if self.has_focus else "rows--chosen-blurred"

    def watch_chosen(self) -> None:
        self.refresh()
        self._bring_into_sight()
        self.post_message(self.Moved(self, self.chosen))

    def watch_has_focus(self, focus: bool) -> None:
        super().watch_has_focus(focus)
        self.refresh()

    def choose_first(self) -> bool:
        """False where nothing can be chosen."""
        self.chosen = self._next(-1, 1)
        return self.chosen is not None

    def action_move(self, step: int) -> None:
        at = self.chosen if self.chosen is not None else -1
        found = self._next(at, step)
        if found is not None:
            self.chosen = found
        elif step < 0:
            self.scroll_to(y=0, animate=False)
            self.post_message(self.LeftAtTop(self))

    def action_page(self, direction: int) -> None:
        if self.chosen is None:
            self.choose_first()
            return
        aim = self._starts[self.chosen] + direction * max(1, self.size.height - 1)
        index = bisect_right(self._starts, max(0, min(aim, self._lines - 1))) - 1
        found = self._next(index - direction, direction)
        self.chosen = found if found is not None else self._next(index + direction, -direction)

    def action_to_end(self, direction: int) -> None:
        self.chosen = self._next(-1, 1) if direction < 0 else self._next(len(self._rows), -1)

    def action_take(self) -> None:
        if self.chosen is not None:
            self.post_message(self.Taken(self, self.chosen))

    def on_click(self, event: events.Click) -> None:
        line = event.y + self.scroll_offset.y
        if not 0 <= line < self._lines:
            return
        index = bisect_right(self._starts, line) - 1
        if self._rows[index].choosable:
            self.chosen = index
            self.action_take()

    def _next(self, index: int, step: int) -> int | None:
        index += step
        while 0 <= index < len(self._rows):
            if self._rows[index].choosable:
                return index
            index += step
        return None

    def _bring_into_sight(self) -> None:
        if self.chosen is None or not self.is_mounted:
            return
        start = self._starts[self.chosen]
        top = start - 1 if start and self.chosen and not self._rows[self.chosen - 1].choosable else start
        height = start - top + self._rows[self.chosen].height
        self.scroll_to_region(Region(0, top, 1, height), animate=False, force=True)
