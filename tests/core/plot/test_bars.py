"""Bars with intervals on a fixed scale, and their colours in the shell and on a screen."""

import io
import sys

import pytest

from kullm_tui.commands.cli.plot import print_plot
from kullm_tui.core.plot.bars import bar, ruler
from kullm_tui.core.plot.rows import Piece, fitted
from kullm_tui.ui.widgets.plot import coloured


def _drawn(low: float, mean: float, high: float) -> str:
    return "".join(piece.text for piece in bar(low, mean, high, 20, 0))


def test_a_bar_is_full_to_its_mean_shaded_where_unsure_and_has_a_whisker_to_the_top() -> None:
    assert _drawn(0.4, 0.5, 0.7) == "████████▓▓───┤      "
    assert _drawn(0.5, 0.5, 0.5) == "██████████          "
    assert _drawn(0.9, 0.95, 1.0) == "██████████████████▓┤"
    assert _drawn(0.0, 0.0, 0.0) == " " * 20
    assert [piece.style for piece in bar(0.4, 0.5, 0.7, 20, 3)] == [3, "quiet", ""]


def test_the_marks_of_a_ruler_end_where_their_bars_do() -> None:
    line = ruler(40, (0, 25, 50, 75, 100), 100)
    assert [line.index(mark) + len(mark) for mark in ("25", "50", "75", "100")] == [10, 20, 30, 40]
    assert line[0] == "0"


def test_a_name_is_cut_in_cells_and_not_in_letters() -> None:
    assert fitted("구름", 6) == "구름  "
    assert fitted("구름이네요", 6) == "구름… "
    assert fitted("구름이네요", 7) == "구름이…"


def test_the_shell_colours_rows_on_a_terminal_alone_and_a_screen_by_its_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    row = (Piece("이름  "), Piece("███", 1), Piece("─┤", "quiet"), Piece("  "))
    for name, term, no_colour, shown in (
        ("a terminal", "xterm", "", "이름  \x1b[32m███\x1b[0m\x1b[2m─┤\x1b[0m  \n"),
        ("a terminal whose user wants no colours", "xterm", "1", "이름  ███─┤\n"),
        ("a terminal without them", "dumb", "", "이름  ███─┤\n"),
    ):
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv("NO_COLOR", no_colour)
        monkeypatch.setattr(sys, "stdout", out := Terminal())
        print_plot([row])
        assert out.getvalue() == shown, name
    monkeypatch.setattr(sys, "stdout", file := io.StringIO())
    monkeypatch.setenv("NO_COLOR", "")
    print_plot([row])
    assert file.getvalue() == "이름  ███─┤\n"
    content = coloured(row)
    assert content.plain == "이름  ███─┤  "
    assert [(span.style, content.plain[span.start : span.end]) for span in content.spans] == [
        ("$success", "███"),
        ("$quiet", "─┤"),
    ]
