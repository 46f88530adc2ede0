"""Series as figures in files: every line is there, names stay words, what cannot be drawn is marked."""

import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from kullm_tui.core.errors import UsageError
from kullm_tui.core.plot.file import Axes, figure_file, form_of, line_figure, plots_figure
from kullm_tui.core.plot.lines import Mark, Series

_SVG = "{http://www.w3.org/2000/svg}"
_LOSS = [(float(step), 3 / (1 + step)) for step in range(50)]


def _figure(*series: Series, log: bool = False) -> bytes:
    return figure_file(lambda: line_figure(series, x_name="단계", y_name="손실", log=log), "svg")


def test_a_figure_of_two_runs_holds_both_their_names_as_they_are_and_the_axes() -> None:
    root = ElementTree.fromstring(_figure(Series("$첫$ 학습", _LOSS), Series("_둘째", _LOSS)))
    words = [text.text for text in root.iter(f"{_SVG}text")]
    assert {"$첫$ 학습", "_둘째", "단계", "손실"} <= set(words)


def test_the_same_series_are_the_same_file() -> None:
    assert _figure(Series("학습", _LOSS)) == _figure(Series("학습", _LOSS))


@pytest.mark.parametrize(("gap", "log"), [(math.nan, False), (math.inf, True), (0.0, True), (-1.0, True)])
def test_a_gap_breaks_the_line_and_has_a_cross_on_the_axis(gap: float, log: bool) -> None:
    figure = line_figure([Series("학습", [*_LOSS, (50.0, gap), (51.0, 0.1)])], x_name="", y_name="", log=log)
    drawn: list[Any] = list(figure.axes[0].lines)
    line, crosses = drawn
    assert [step for step, y in line.get_xydata().tolist() if math.isnan(y)] == [50.0]
    assert crosses.get_xydata().tolist() == [[50.0, 0.0]]
    assert figure.axes[0].get_yscale() == ("log" if log else "linear")


def test_a_name_says_the_form_and_another_is_refused() -> None:
    assert [form_of(Path(name)) for name in ("a.svg", "b.PNG", "c.pdf")] == ["svg", "png", "pdf"]
    with pytest.raises(UsageError, match=r"\.svg"):
        form_of(Path("a.gif"))


def test_several_plots_are_one_file_each_with_its_axis_and_dots_where_nothing_is_joined() -> None:
    loss = Axes([Series("학습", _LOSS), Series("평가", _LOSS[::10], apart=True)], "손실", marks=[Mark(7, "!")])
    others = [Axes([Series("", _LOSS)], name) for name in ("학습률", "기울기", "$메모리$")]
    root = ElementTree.fromstring(figure_file(lambda: plots_figure([loss, *others], x_name="단계"), "svg"))
    words = {text.text for text in root.iter(f"{_SVG}text")}
    assert {"손실", "학습률", "기울기", "$메모리$", "단계", "학습", "평가"} <= words
    figure = plots_figure([loss, *others], x_name="단계")
    assert len(figure.axes) == 4
    drawn: list[Any] = list(figure.axes[0].lines)
    line, dots, mark = drawn
    assert (line.get_linestyle(), dots.get_linestyle(), dots.get_marker()) == ("-", "None", "o")
    assert list(mark.get_xdata()) == [7, 7]
