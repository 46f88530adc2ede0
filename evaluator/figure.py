"""The paper's Figure 1 from a table: bars on 0–100, a group a criterion, a whisker for each 95 % interval. Laid out once, as shapes;
here written as SVG, by `figure_png.py` as PNG.

      ■ name (n = 252)  ■ …      legend, as many lines as it takes
    100 ┬
        │ ▐▌█                    y = (x − min) / (max − min) × 100
      0 ┴────────
         criterion
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from rich.cells import cell_len

from evaluator.report import Cell, Table, TableRow, counted
from evaluator.rubric import Criterion
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#000000")
FONTS = "'Noto Sans KR', 'Noto Sans CJK KR', 'Apple SD Gothic Neo', 'Malgun Gothic', NanumGothic, sans-serif"
FONT_SIZE = 12

_WIDTH, _PLOT_HEIGHT = 960, 320
_LEFT, _RIGHT, _MARGIN, _BOTTOM = 48, 16, 14, 60
_LINE = 20
_GAP_SHARE = 0.25  # of a criterion's width, between its bars and the next one's
_CELL = 6.6  # a terminal's cell, about, at this size: 한글 takes two
_KEY, _KEY_GAP = 12, 4
_BETWEEN_KEYS = 18
_GRID, _INK, _WHISKER = "#dddddd", "#222222", "#222222"


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    colour: str
    title: str = ""


@dataclass(frozen=True)
class Line:
    x1: float
    y1: float
    x2: float
    y2: float
    colour: str


@dataclass(frozen=True)
class Words:
    x: float
    y: float  # of the baseline
    text: str
    anchor: str = "start"


Shape = Box | Line | Words


@dataclass(frozen=True)
class Figure:
    width: int
    height: int
    shapes: tuple[Shape, ...]


def figure(table: Table) -> Figure:
    legend, top = _legend(table)
    height = top + _PLOT_HEIGHT + _BOTTOM
    shapes: list[Shape] = [Box(0, 0, _WIDTH, height, "#ffffff"), *legend, *_grid(top)]
    step = (_WIDTH - _LEFT - _RIGHT) / len(table.rubric.criteria)
    for place, criterion in enumerate(table.rubric.criteria):
        left = _LEFT + place * step
        shapes += _bars(table.rows, criterion, left, step, top)
        name = _shortened(criterion.name, step)
        shapes.append(Words(left + step / 2, top + _PLOT_HEIGHT + _LINE, name, "middle"))
    judge = table.answered_by or table.judge
    whiskers = say("가는 선: 95 % 구간", "whiskers: 95 %")
    questions = say(f"질문 {table.items}개", f"{table.items} questions")
    note = f"{judge}, {table.rubric.name}, {questions}, (x - min) / (max - min) × 100, {whiskers}"
    shapes.append(Words(_LEFT, height - _MARGIN, _shortened(note, _WIDTH - _LEFT - _RIGHT)))
    return Figure(_WIDTH, int(height), tuple(shapes))


def svg(table: Table) -> str:
    drawn = figure(table)
    inside = "\n".join(_svg_shape(shape) for shape in drawn.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawn.width} {drawn.height}" '
        f'font-family="{FONTS}" font-size="{FONT_SIZE}" fill="{_INK}">\n{inside}\n</svg>\n'
    )


def _grid(top: float) -> Iterator[Shape]:
    for mark in range(0, 101, 20):
        y = _y(mark, top)
        yield Line(_LEFT, y, _WIDTH - _RIGHT, y, _GRID)
        yield Words(_LEFT - 6, y + 4, str(mark), "end")


def _y(scaled: float, top: float) -> float:
    return top + _PLOT_HEIGHT * (1 - scaled / 100)


def _bars(rows: Sequence[TableRow], criterion: Criterion, left: float, step: float, top: float) -> Iterator[Shape]:
    breadth = step * (1 - _GAP_SHARE) / max(1, len(rows))
    for place, row in enumerate(rows):
        cell = row.cells.get(criterion.name)
        if cell is None:
            continue
        x, y = left + step * _GAP_SHARE / 2 + place * breadth, _y(cell.scaled, top)
        title = f"{row.name}: {cell.scaled:.1f} ({counted(row)})"
        yield Box(x, y, breadth, _y(0, top) - y, COLOURS[place % len(COLOURS)], title)
        yield from _whisker(cell, criterion, x + breadth / 2, breadth, top)


def _whisker(cell: Cell, criterion: Criterion, x: float, breadth: float, top: float) -> Iterator[Shape]:
    low, high = (_y(criterion.scaled(edge), top) for edge in (cell.interval.low, cell.interval.high))
    half = min(4.0, breadth / 4)
    yield Line(x, low, x, high, _WHISKER)
    yield Line(x - half, low, x + half, low, _WHISKER)
    yield Line(x - half, high, x + half, high, _WHISKER)


def _legend(table: Table) -> tuple[list[Shape], float]:
    """The keys, each with the scores that its bars rest on, and where the plot may begin."""
    shapes: list[Shape] = []
    x, y = float(_LEFT), float(_MARGIN)
    room = _WIDTH - _LEFT - _RIGHT
    for place, row in enumerate(table.rows):
        count = f" ({counted(row)})"
        shown = _shortened(row.name, room - _KEY - _KEY_GAP - cell_len(count) * _CELL) + count
        needed = _KEY + _KEY_GAP + cell_len(shown) * _CELL
        if x > _LEFT and x + needed > _WIDTH - _RIGHT:
            x, y = float(_LEFT), y + _LINE
        shapes += [
            Box(x, y, _KEY, _KEY, COLOURS[place % len(COLOURS)]),
            Words(x + _KEY + _KEY_GAP, y + _KEY - 2, shown),
        ]
        x += needed + _BETWEEN_KEYS
    return shapes, y + 2 * _LINE


def _shortened(text: str, room: float) -> str:
    text = " ".join(terminal_safe(text).split())
    if cell_len(text) * _CELL <= room:
        return text
    while text and (cell_len(text) + 1) * _CELL > room:
        text = text[:-1]
    return f"{text}…"


def _svg_shape(shape: Shape) -> str:
    if isinstance(shape, Line):
        return f'<line x1="{shape.x1:.1f}" y1="{shape.y1:.1f}" x2="{shape.x2:.1f}" y2="{shape.y2:.1f}" stroke="{shape.colour}"/>'
    if isinstance(shape, Words):
        return f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
    title = f"<title>{escape(terminal_safe(shape.title))}</title>" if shape.title else ""
    return (
        f'<rect x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}" '
        f'fill="{shape.colour}">{title}</rect>'
    )
