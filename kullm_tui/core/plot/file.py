"""A figure as an SVG, PNG or PDF, by matplotlib (the extra `plot`), which is imported when one is drawn; and series as one of those."""

import io
from collections.abc import Callable, Sequence
from itertools import cycle
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kullm_tui.core.errors import MissingExtra, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.plot.font import drawing_in
from kullm_tui.core.plot.lines import Series
from kullm_tui.core.plot.scale import bounds
from kullm_tui.core.text import safe_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Form = Literal["svg", "png", "pdf"]

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#000000")
INK, GRID = "#222222", "#dddddd"

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
    with drawing_in(font, needed=form != "svg"), mpl.rc_context({"font.size": _POINTS, "text.color": INK}):
        # No date and no random ids: what is drawn alike is the same file.
        draw().savefig(out, format=form, dpi=_DPI, metadata=_UNDATED.get(form, {}))
    return out.getvalue()


def line_figure(series: Sequence[Series], *, x_name: str, y_name: str, log: bool = False) -> "Figure":
    """Where a value cannot be drawn the line breaks, and a cross stands on the axis below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_yscale("log" if log else "linear")
    axes.grid(color=GRID)
    low, high = bounds(log=log)
    for one, colour in zip(series, cycle(COLOURS), strict=False):
        xs, ys = [x for x, _ in one.points], [y if low < y < high else float("nan") for _, y in one.points]
        axes.plot(xs, ys, color=colour, linewidth=_LINE)
        gaps = [x for x, y in zip(xs, ys, strict=True) if isnan(y)]
        axes.plot(gaps, [0] * len(gaps), "x", color=colour, transform=axes.get_xaxis_transform(), clip_on=False)
    lines = axes.lines[::2]
    legend = axes.legend(lines, [""] * len(lines), frameon=False)
    names = zip(legend.get_texts(), (one.name for one in series), strict=True)
    for text, name in [*names, (axes.xaxis.label, x_name), (axes.yaxis.label, y_name)]:
        put(text, safe_line(name))
    return figure


def put(text: Any, words: str) -> None:
    """As they are: a name may hold what matplotlib would read as mathematics."""
    text.set_parse_math(False)
    text.set_text(words)
