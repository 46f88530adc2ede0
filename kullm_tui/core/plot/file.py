"""A figure as an SVG, PNG or PDF, by matplotlib (the extra `plot`), which is imported when one is drawn; and series as one of those."""

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kullm_tui.core.errors import MissingExtra, UsageError
from kullm_tui.core.extras import installs
from kullm_tui.core.language import say
from kullm_tui.core.paths import cache_dir, private_dir
from kullm_tui.core.plot.font import drawing_in
from kullm_tui.core.plot.lines import Mark, Series
from kullm_tui.core.plot.scale import bounds
from kullm_tui.core.text import safe_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Form = Literal["svg", "png", "pdf"]

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#000000")
INK, GRID, _ALARM = "#222222", "#dddddd", "#ee6677"

_FORMS: dict[str, Form] = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
_DPI = 200  # of a PNG
_POINTS = 9
_SIZE = (9.6, 4.8)  # inches
_LINE = 1.2
_UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def form_of(path: Path) -> Form:
    """By the name's end; UsageError for another."""
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            say(
                "그림은 .svg, .png, .pdf로 저장해요. 예: --out figure.svg",
                "a plot is written as .svg, .png or .pdf: --out figure.svg",
            )
        )
    return form


def figure_file(draw: "Callable[[], Figure]", form: Form, *, font: str = "") -> bytes:
    """MissingExtra without matplotlib; UsageError where no font with Hangul is found (an SVG needs none) or the named one has none."""
    # What matplotlib keeps for the next time lies with what else is kept, unless its user has chosen a place.
    os.environ.setdefault("MPLCONFIGDIR", str(private_dir(cache_dir() / "matplotlib")))
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtra(
            say(
                f"그림 파일에는 matplotlib이 더 필요해요. 설치: {installs('plot')}",
                f"A figure's file also needs matplotlib. Install: {installs('plot')}",
            )
        ) from error
    out = io.BytesIO()
    with drawing_in(font, needed=form != "svg"), mpl.rc_context({"font.size": _POINTS, "text.color": INK}):
        # No date and no random ids: what is drawn alike is the same file.
        draw().savefig(out, format=form, dpi=_DPI, metadata=_UNDATED.get(form, {}))
    return out.getvalue()


@dataclass(frozen=True)
class Axes:
    """One plot of a figure."""

    series: Sequence[Series]
    y_name: str
    log: bool = False
    marks: Sequence[Mark] = ()


def line_figure(series: Sequence[Series], *, x_name: str, y_name: str, log: bool = False) -> "Figure":
    """Where a value cannot be drawn the line breaks, and a cross stands on the axis below."""
    return plots_figure([Axes(series, y_name, log)], x_name=x_name)


def plots_figure(plots: Sequence[Axes], *, x_name: str) -> "Figure":
    """The first over the full width, the others below it two by two, all along the same x."""
    from matplotlib.figure import Figure

    below = -(-(len(plots) - 1) // 2)
    figure = Figure(figsize=(_SIZE[0], _SIZE[1] + below * _SIZE[1] / 2), layout="constrained")
    grid = figure.add_gridspec(1 + below, 2, height_ratios=[2, *[1] * below])
    for place, plot in enumerate(plots):
        at = grid[0, :] if place == 0 else grid[(place + 1) // 2, (place + 1) % 2]
        axes = figure.add_subplot(at)
        _draw(axes, plot)
        names = [(axes.yaxis.label, plot.y_name)] + (
            [(axes.xaxis.label, x_name)] if place in (0, len(plots) - 1) else []
        )
        for text, name in names:
            put(text, safe_line(name))
    return figure


def _draw(axes: Any, plot: Axes) -> None:
    axes.set_yscale("log" if plot.log else "linear")
    axes.grid(color=GRID)
    low, high = bounds(log=plot.log)
    lines = []
    for one, colour in zip(plot.series, cycle(COLOURS), strict=False):
        xs, ys = [x for x, _ in one.points], [y if low < y < high else float("nan") for _, y in one.points]
        style: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 4} if one.apart else {"linewidth": _LINE}
        lines += axes.plot(xs, ys, color=colour, **style)
        gaps = [x for x, y in zip(xs, ys, strict=True) if isnan(y)]
        if gaps:
            axes.plot(gaps, [0] * len(gaps), "x", color=colour, transform=axes.get_xaxis_transform(), clip_on=False)
    for mark in plot.marks:
        tint = COLOURS[mark.style % len(COLOURS)] if isinstance(mark.style, int) else _ALARM
        axes.axvline(mark.x, color=tint, linewidth=_LINE / 2, linestyle=":")
        if isinstance(mark.style, int):  # what is the best of a line, in the line's own colour
            axes.plot([mark.x], [0], "*", color=tint, transform=axes.get_xaxis_transform(), clip_on=False)
    if len(plot.series) > 1 or plot.series[0].name:
        legend = axes.legend(lines, [""] * len(lines), frameon=False)
        for text, one in zip(legend.get_texts(), plot.series, strict=True):
            put(text, safe_line(one.name))


def put(text: Any, words: str) -> None:
    """As they are: a name may hold what matplotlib would read as mathematics."""
    text.set_parse_math(False)
    text.set_text(words)
