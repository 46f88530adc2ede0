"""Series as lines in a terminal, several over each other, with axes.

Every pixel column is drawn from the lowest to the highest of its values, so that no spike is lost however many points there are. Where a value is no number (or
has no logarithm) the line breaks, and the axis below has a × in the series' style. What happened at an x is a dotted line from top to bottom with a glyph on the
axis, the reader's own place a whole one, both behind the curves. Text stands outside the canvas alone.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nextafter
from operator import itemgetter

from rich.cells import cell_len

from kullm_tui.core.plot.dots import BRAILLE, Canvas, Dots
from kullm_tui.core.plot.rows import Piece, Row, Style, fitted
from kullm_tui.core.plot.scale import Scale, bounds, scale_over
from kullm_tui.core.text import safe_line

_ROWS_A_TICK, _CELLS_A_TICK, _FEWEST_TICKS = 4, 12, 3
_NARROWEST, _LOWEST = 4, 2  # cells of the canvas itself
_GAP_MARK = "×"
_KEY, _KEY_APART = "━━ ", "▪▪ "


@dataclass(frozen=True)
class Series:
    name: str
    points: Sequence[tuple[float, float]]
    apart: bool = False  # points that no line joins


@dataclass(frozen=True)
class Mark:
    """Something that happened at an x, whatever was measured there."""

    x: float
    glyph: str
    style: Style = "alarm"


def line_rows(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    x_name: str = "",
    y_name: str = "",
    log: bool = False,
    dots: Dots = BRAILLE,
    span: tuple[float, float] | None = None,
    marks: Sequence[Mark] = (),
    cursor: float | None = None,
) -> list[Row]:
    """`height` rows, five at least. A series' style is its place; no rows where no series has a point. `span`: what of x is shown, by itself all."""
    curves = [_Curve.of(one, log=log, span=span) for one in series]
    if not any(curve.xs for curve in curves):
        return []
    across = scale_over(span or [x for curve in curves for x in curve.ends])
    values = [y for curve in curves for y in curve.extremes]
    up = scale_over(values, log=log)
    key = _key(series, y_name, width)
    high = max(_LOWEST, height - len(key) - 2)
    ticks = up.ticks(max(_FEWEST_TICKS, high // _ROWS_A_TICK)) if values else []
    margin = max((len(tick.label) for tick in ticks), default=0)
    cells = max(_NARROWEST, width - margin - 1)
    canvas = Canvas(cells, high, dots)
    marks = [mark for mark in marks if across.low <= mark.x <= across.high]
    _upright(canvas, across, marks, cursor)
    for place, curve in enumerate(curves):
        curve.draw(canvas, place, across, up)
    at_row = {_dot(up.at(tick.value), canvas.rows) // dots.down: tick.label for tick in ticks}
    rows = [
        (Piece(f"{at_row.get(y, ''):>{margin}}{'┤' if y in at_row else '│'}", "quiet"), *row)
        for y, row in zip(range(high - 1, -1, -1), canvas.drawn(), strict=True)
    ]
    return [*key, *rows, *_foot(curves, across, canvas.columns, dots.across, margin, x_name, marks)]


def _upright(canvas: Canvas, across: Scale, marks: Sequence[Mark], cursor: float | None) -> None:
    """First of all, so that curves lie over them."""
    for mark in marks:
        column = _columns([mark.x], across, canvas.columns)[0]
        for row in range(0, canvas.rows, 2):
            canvas.run(mark.style, column, row, row)
    if cursor is not None and across.low <= cursor <= across.high:
        canvas.run("quiet", _columns([cursor], across, canvas.columns)[0], 0, canvas.rows - 1)


@dataclass(frozen=True)
class _Curve:
    """One series in the order of x."""

    xs: list[float]
    ys: list[float]
    gaps: list[int]  # where no value can be drawn
    apart: bool = False

    @classmethod
    def of(cls, series: Series, *, log: bool, span: tuple[float, float] | None = None) -> "_Curve":
        """After a resume a step may stand earlier than the one before it."""
        (left, right), (low, high) = bounds(), bounds(log=log)
        if span:
            left, right = max(left, nextafter(span[0], left)), min(right, nextafter(span[1], right))
        points = sorted([point for point in series.points if left < point[0] < right], key=itemgetter(0))
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return cls(xs, ys, [place for place, y in enumerate(ys) if not low < y < high], series.apart)

    @property
    def ends(self) -> list[float]:
        return [self.xs[0], self.xs[-1]] if self.xs else []

    @property
    def extremes(self) -> list[float]:
        parts = [self.ys[start:end] for start, end in self._whole()]
        return [edge for part in parts for edge in (min(part), max(part))]

    def _whole(self) -> Iterator[tuple[int, int]]:
        """From gap to gap."""
        for before, after in zip([-1, *self.gaps], [*self.gaps, len(self.ys)], strict=True):
            if after - before > 1:
                yield before + 1, after

    def draw(self, canvas: Canvas, place: int, across: Scale, up: Scale) -> None:
        columns = _columns(self.xs, across, canvas.columns)
        if self.apart:
            gaps = set(self.gaps)
            for at, (column, y) in enumerate(zip(columns, self.ys, strict=True)):
                if at not in gaps:
                    _blot(canvas, place, column, _dot(up.at(y), canvas.rows))
            return
        for start, end in self._whole():
            before: tuple[int, int] | None = None
            while start < end:
                column = columns[start]
                after = bisect_right(columns, column, start, end)
                part = self.ys[start:after]
                edges = (part[0], min(part), max(part), part[-1])
                first, low, high, last = (_dot(up.at(y), canvas.rows) for y in edges)
                if before:
                    canvas.line(place, before, (column, first))
                canvas.run(place, column, low, high)
                before, start = (column, last), after


def _blot(canvas: Canvas, style: Style, column: int, row: int) -> None:
    """Three dots by three, so that a point is seen upon a line."""
    low, high = max(0, row - 1), min(canvas.rows - 1, row + 1)
    for near in range(max(0, column - 1), min(canvas.columns - 1, column + 1) + 1):
        canvas.run(style, near, low, high)


def _columns(xs: Sequence[float], across: Scale, count: int) -> list[int]:
    low, span, last = across.low, across.high - across.low, count - 1
    return [round((x - low) / span * last) for x in xs]


def _dot(share: float, count: int) -> int:
    return round(share * (count - 1))


def _key(series: Sequence[Series], y_name: str, width: int) -> list[Row]:
    """What is drawn, and whose line is whose, on one row; what has no room is left out."""
    pieces = [Piece(y_name, "strong")] if y_name else []
    room = width - cell_len(y_name)
    for place, one in enumerate(series):
        name = safe_line(one.name)
        gap = "  " if pieces else ""
        room -= len(gap) + len(_KEY)
        if not name or room < 2:
            continue
        pieces += [
            Piece(gap),
            Piece(_KEY_APART if one.apart else _KEY, place),
            Piece(fitted(name, min(room, cell_len(name)))),
        ]
        room -= cell_len(name)
    return [tuple(pieces)] if pieces else []


def _foot(
    curves: Sequence[_Curve],
    across: Scale,
    columns: int,
    to_a_cell: int,
    margin: int,
    x_name: str,
    marks: Sequence[Mark],
) -> list[Row]:
    """The axis with its ticks and the gaps; below it the numbers, and at the right end what they count."""
    cells = columns // to_a_cell
    ticks = across.ticks(max(_FEWEST_TICKS, cells // _CELLS_A_TICK))
    if all(float(x).is_integer() for curve in curves for x in curve.ends):
        ticks = [tick for tick in ticks if float(tick.value).is_integer()]
    labels = {_dot(across.at(tick.value), columns) // to_a_cell: tick.label for tick in ticks}
    axis = [Piece("┬" if cell in labels else "─", "quiet") for cell in range(cells)]
    for place, curve in enumerate(curves):
        for column in _columns([curve.xs[gap] for gap in curve.gaps], across, columns):
            axis[column // to_a_cell] = Piece(_GAP_MARK, place)
    for mark in marks:
        axis[_columns([mark.x], across, columns)[0] // to_a_cell] = Piece(mark.glyph, mark.style)
    lead = " " * margin
    return [(Piece(f"{lead}└", "quiet"), *axis), (Piece(f"{lead} {_numbers(labels, cells, x_name)}", "quiet"),)]


def _numbers(labels: Mapping[int, str], cells: int, x_name: str) -> str:
    """Each under its tick, as far as they stand apart."""
    name = fitted(x_name, min(cells, cell_len(x_name)))
    room, line = cells - cell_len(name), ""
    for cell, label in labels.items():
        begin = max(0, cell - len(label) // 2)
        if begin >= len(line) + bool(line) and begin + len(label) < room + (not name):
            line = line.ljust(begin) + label
    return line.ljust(room) + name
