"""The paper's Figure 1 from a table as SVG, PNG or PDF, by matplotlib (the extra `plot`), which is imported when one is drawn.

Bars on 0–100, a group a criterion, a whisker for each 95 % interval, and in the legend how many scores each system's bars rest on.
The terminal's rows of the same are `chart.py`'s.
"""

import io
import os
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len

from evaluator.figure_font import drawing_in
from evaluator.report import Table, TableRow, counted
from kullm_tui.core.errors import MissingExtra
from kullm_tui.core.language import say
from kullm_tui.core.paths import cache_dir, private_dir
from kullm_tui.core.text import terminal_safe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Form = Literal["svg", "png", "pdf"]

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#000000")

_DPI = 200  # of a PNG
_WIDTH, _PLOT_HEIGHT, _LINE = 9.6, 3.6, 0.2  # inches
_FOOT = 0.6
_SIDE, _GAP = 0.48, 0.16  # left and right of the bars
_CELL = 0.066  # a terminal's cell, about, at this size: 한글 takes two
_KEY = 0.45  # a legend's key, with the blanks around it
_POINTS = 9
_GROUP = 0.75  # of a criterion's width, for its bars
_INK, _GRID = "#222222", "#dddddd"
_UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def figure_bytes(table: Table, form: Form, *, font: str = "") -> bytes:
    """MissingExtra without matplotlib; UsageError where no font with Hangul is found (an SVG needs none) or the named one has none."""
    # What matplotlib keeps for the next time lies with what else is kept, unless its user has chosen a place.
    os.environ.setdefault("MPLCONFIGDIR", str(private_dir(cache_dir() / "matplotlib")))
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtra(
            say(
                "그림 파일에는 matplotlib이 더 필요해요. 설치: pip install 'kullm[plot]'",
                "A figure's file also needs matplotlib. Install: pip install 'kullm[plot]'",
            )
        ) from error
    out = io.BytesIO()
    with drawing_in(font, needed=form != "svg"), mpl.rc_context({"font.size": _POINTS, "text.color": _INK}):
        # No date and no random ids: the same table is the same file.
        _drawn(table).savefig(out, format=form, dpi=_DPI, metadata=_UNDATED.get(form, {}))
    return _with_titles(out.getvalue(), table) if form == "svg" else out.getvalue()


def _drawn(table: Table) -> "Figure":
    from matplotlib.figure import Figure

    names = [_key(row) for row in table.rows]
    columns, lines = _legend_size(names)
    above = (lines + 1) * _LINE
    height = above + _PLOT_HEIGHT + _FOOT
    figure = Figure(figsize=(_WIDTH, height))
    width = _WIDTH - _SIDE - _GAP
    axes = figure.add_axes((_SIDE / _WIDTH, _FOOT / height, width / _WIDTH, _PLOT_HEIGHT / height))
    _dress(axes, [_shortened(one.name, width / len(table.rubric.criteria)) for one in table.rubric.criteria])
    keys = [_bars(axes, table, place) for place in range(len(table.rows))]
    if keys:
        legend = figure.legend(
            keys, [""] * len(keys), ncols=columns, loc="upper left", frameon=False, handlelength=1.2,
            bbox_to_anchor=((_SIDE - 0.05) / _WIDTH, 1), borderaxespad=0.2, columnspacing=1.2,
        )  # fmt: skip
        for text, name in zip(legend.get_texts(), names, strict=True):
            _put(text, name)
    _put(figure.text(_SIDE / _WIDTH, 0.12 / height, ""), _shortened(_note(table), width))
    return figure


def _dress(axes: "Axes", criteria: Sequence[str]) -> None:
    axes.set_ylim(0, 100)
    axes.set_xlim(-0.5, len(criteria) - 0.5)
    axes.set_yticks(range(0, 101, 20))
    axes.set_xticks(range(len(criteria)), criteria, parse_math=False)
    axes.tick_params(length=0)
    axes.grid(axis="y", color=_GRID)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _bars(axes: "Axes", table: Table, place: int) -> Any:
    """One system's, with their whiskers; the artist that its key is made of."""
    from matplotlib.patches import Patch

    row, breadth = table.rows[place], _GROUP / len(table.rows)
    found = [(at, one, row.cells[one.name]) for at, one in enumerate(table.rubric.criteria) if one.name in row.cells]
    middles = [at - _GROUP / 2 + (place + 0.5) * breadth for at, _, _ in found]
    colour = COLOURS[place % len(COLOURS)]
    bars = axes.bar(middles, [cell.scaled for _, _, cell in found], breadth, color=colour)
    for at, bar in zip((at for at, _, _ in found), bars, strict=True):
        bar.set_gid(_gid(place, at))
    edges = [(one.scaled(cell.interval.low), one.scaled(cell.interval.high)) for _, one, cell in found]
    axes.errorbar(
        middles, [(low + high) / 2 for low, high in edges], [(high - low) / 2 for low, high in edges],
        fmt="none", ecolor=_INK, elinewidth=0.8, capsize=2.5, capthick=0.8, clip_on=False,
    )  # fmt: skip
    return Patch(color=colour)


def _with_titles(drawn: bytes, table: Table) -> bytes:
    """What a reader's pointer is told over each bar, which matplotlib's SVG has no word for."""
    text = drawn.decode()
    for place, row in enumerate(table.rows):
        for at, criterion in enumerate(table.rubric.criteria):
            if cell := row.cells.get(criterion.name):
                group = f'<g id="{_gid(place, at)}">'
                title = escape(terminal_safe(f"{row.name}: {cell.scaled:.1f} ({counted(row)})"))
                text = text.replace(group, f"{group}<title>{title}</title>")
    return text.encode()


def _gid(place: int, criterion: int) -> str:
    return f"bar-{place}-{criterion}"


def _note(table: Table) -> str:
    judge = table.answered_by or table.judge
    whiskers = say("가는 선: 95 % 구간", "whiskers: 95 %")
    questions = say(f"질문 {table.items}개", f"{table.items} questions")
    return f"{judge}, {table.rubric.name}, {questions}, (x - min) / (max - min) × 100, {whiskers}"


def _key(row: TableRow) -> str:
    count = f" ({counted(row)})"
    return _shortened(row.name, _WIDTH - _SIDE - _GAP - _KEY - cell_len(count) * _CELL) + count


def _legend_size(names: Sequence[str]) -> tuple[int, int]:
    """Columns and lines, so that the widest key has room."""
    widest = max((cell_len(name) * _CELL + _KEY for name in names), default=1.0)
    columns = max(1, min(len(names), int((_WIDTH - _SIDE - _GAP) / widest)))
    return columns, -(-len(names) // columns)


def _put(text: Any, words: str) -> None:
    """As they are: a name may hold what matplotlib would read as mathematics."""
    text.set_parse_math(False)
    text.set_text(words)


def _shortened(text: str, room: float) -> str:
    text = " ".join(terminal_safe(text).split())
    if cell_len(text) * _CELL <= room:
        return text
    while text and (cell_len(text) + 1) * _CELL > room:
        text = text[:-1]
    return f"{text}…"
