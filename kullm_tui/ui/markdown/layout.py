"""What a reply is made of on the screen: lines that fold, rules, tables. They know their height at a width, and draw a row when it is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rich.cells import cell_len
from textual.content import Content

from kullm_tui.ui.markdown.wrap import Cut, fold_anywhere, fold_words

_NARROWEST = 8  # cells of text beside any indentation
_GUTTER = " │ "
_COLUMN = 6  # cells; below it a table is shown as pairs of header and value

EMPTY = Content("")
Align = Literal["left", "right", "center"]


@dataclass(frozen=True)
class Row:
    lead: Content
    body: Content
    fill: str = ""  # the component class of the whole row
    soft: str | None = None  # what stood where the text broke above; None: the row begins a line
    copies: Literal["all", "body", "nothing"] = (
        "all"  # a selection takes bullets along, not the margin of code nor its label
    )

    @property
    def plain(self) -> str:
        return self.lead.plain + self.body.plain


class Part(Protocol):
    def measure(self, width: int, /) -> int:
        """How many rows it takes."""

    def row(self, index: int, /) -> Row:
        """One of the rows, at the width measured last."""


@dataclass(slots=True)
class Line:
    content: Content
    lead: Content = EMPTY
    hang: Content = EMPTY  # before the rows that follow the first
    _cuts: Sequence[Cut] = ()

    def measure(self, width: int) -> int:
        room = max(_NARROWEST, width - max(self.lead.cell_length, self.hang.cell_length))
        self._cuts = fold_words(self.content.plain, room)
        return len(self._cuts)

    def row(self, index: int) -> Row:
        start, end = self._cuts[index]
        soft = self.content.plain[self._cuts[index - 1][1] : start] if index else None
        return Row(self.hang if index else self.lead, self.content[start:end], soft=soft)


@dataclass(slots=True)
class PlainText:
    """Many lines that are shown as they are; one object, for there may be a hundred thousand of them."""

    lines: Sequence[str]
    joins: bool = False  # the first line goes on with the part above
    _rows: Sequence[tuple[int, int, int]] = ()

    def measure(self, width: int) -> int:
        room = max(_NARROWEST, width)
        self._rows = [(index, *cut) for index, line in enumerate(self.lines) for cut in fold_words(line, room)]
        return len(self._rows)

    def row(self, index: int) -> Row:
        line, start, end = self._rows[index]
        above, _, last = self._rows[index - 1] if index else (-1, 0, 0)
        soft = self.lines[line][last:start] if above == line else "" if not index and self.joins else None
        return Row(EMPTY, Content(self.lines[line][start:end]), soft=soft)


@dataclass(slots=True)
class CodeLine:
    content: Content
    lead: Content
    joins: bool = False
    _cuts: Sequence[Cut] = ()

    def measure(self, width: int) -> int:
        room = max(_NARROWEST, width - self.lead.cell_length - 1)
        self._cuts = fold_anywhere(self.content.plain, room)
        return len(self._cuts)

    def row(self, index: int) -> Row:
        start, end = self._cuts[index]
        soft = "" if index or self.joins else None
        return Row(self.lead, self.content[start:end], fill="reply--block", soft=soft, copies="body")


@dataclass(slots=True)
class Bar:
    """A rule across, or the label above a block of code: text at the left, something to click at the right."""

    lead: Content
    left: Callable[[], Content] = lambda: EMPTY  # asked at each drawing: the interface's language may change
    right: Callable[[], Content] = lambda: EMPTY
    line: str = " "
    fill: str = ""
    _width: int = 0

    def measure(self, width: int) -> int:
        self._width = width
        return 1

    def row(self, _index: int) -> Row:
        right = self.right()
        room = max(0, self._width - self.lead.cell_length - right.cell_length)
        left = self.left().truncate(room, ellipsis=True)
        between = Content.styled(self.line * (room - left.cell_length), ".reply--rule")
        return Row(
            self.lead,
            EMPTY.join([left, between, right]),
            self.fill,
            copies="nothing" if self.fill else "all",
        )


class Columns:
    """The widths that the columns of a table share, also with the fragments in which it goes on."""

    def __init__(self, cells: Sequence[Sequence[Content]]) -> None:
        self._natural = [max(1, *(cell.cell_length for cell in column)) for column in zip(*cells, strict=True)]

    def widths(self, room: int) -> list[int] | None:
        """None: there are too many columns to stand side by side."""
        count = len(self._natural)
        room -= cell_len(_GUTTER) * (count - 1)
        if sum(self._natural) <= room:
            return self._natural
        if room < _COLUMN * count:
            return None
        widths, left, remaining = [0] * count, room, count
        for column in sorted(
            range(count), key=self._natural.__getitem__
        ):  # narrow ones first: what they leave goes to the wide
            widths[column] = min(self._natural[column], left // remaining)
            left, remaining = left - widths[column], remaining - 1
        return widths


@dataclass(slots=True)
class TableRow:
    cells: Sequence[Content]
    headers: Sequence[Content]
    aligns: Sequence[Align]
    columns: Columns
    lead: Content
    ruled: bool = False  # the header, with the rule under it
    _widths: list[int] | None = None
    _folded: list[list[Cut]] = field(default_factory=list)
    _pairs: list[Row] = field(default_factory=list)

    def measure(self, width: int) -> int:
        self._widths = self.columns.widths(width - self.lead.cell_length)
        if self._widths is None:
            self._pairs = [] if self.ruled else list(self._as_pairs(width))
            return len(self._pairs)
        self._folded = [fold_words(cell.plain, room) for cell, room in zip(self.cells, self._widths, strict=True)]
        return max(map(len, self._folded)) + self.ruled

    def row(self, index: int) -> Row:
        if self._widths is None:
            return self._pairs[index]
        if self.ruled and index == max(map(len, self._folded)):
            return Row(self.lead, Content.styled("─┼─".join("─" * width for width in self._widths), ".reply--rule"))
        parts = [
            _aligned(cell[slice(*cuts[index])] if index < len(cuts) else EMPTY, width, align)
            for cell, cuts, width, align in zip(self.cells, self._folded, self._widths, self.aligns, strict=True)
        ]
        return Row(self.lead, Content.styled(_GUTTER, ".reply--rule").join(parts))

    def _as_pairs(self, width: int) -> list[Row]:
        rows: list[Row] = []
        for header, cell in zip(self.headers, self.cells, strict=True):
            line = Line(EMPTY.join([header, Content(": "), cell]), self.lead, self.lead + Content("  "))
            rows += [line.row(index) for index in range(line.measure(width))]
        return [*rows, Row(self.lead, EMPTY)]


def _aligned(cell: Content, width: int, align: Align) -> Content:
    room = max(0, width - cell.cell_length)
    left = {"left": 0, "right": room, "center": room // 2}[align]
    return cell.pad(left, room - left)
