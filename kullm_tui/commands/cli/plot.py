"""A plot's rows on stdout: in colours where a terminal shows them, plain in a file or a pipe, and where NO_COLOR asks for it."""

import os
import shutil
import sys
from collections.abc import Sequence

from kullm_tui.core.plot.rows import Piece, Row, plain

_SERIES = (36, 32, 33, 31, 34, 35)
_WORDS = {"quiet": 2, "strong": 1, "alarm": 31}


def plot_width() -> int:
    return shutil.get_terminal_size().columns - 1  # a row that fills the line may leave an empty one behind


def print_plot(rows: Sequence[Row]) -> None:
    in_colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    for row in rows:
        print("".join(map(_coloured, row)) if in_colours else plain(row))


def _coloured(piece: Piece) -> str:
    style = piece.style
    if not piece.text.strip() or style == "":
        return piece.text
    return f"\x1b[{_SERIES[style % len(_SERIES)] if isinstance(style, int) else _WORDS[style]}m{piece.text}\x1b[0m"
