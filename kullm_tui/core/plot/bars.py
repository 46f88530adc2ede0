"""Bars with intervals on one scale from 0 to 1, a row each."""

from collections.abc import Sequence

from kullm_tui.core.plot.rows import Piece, Row, Style


def bar(low: float, mean: float, high: float, cells: int, style: Style) -> Row:
    """Full up to the mean, its uncertain end in a lighter shade, a whisker to the top of the interval; blanks to the full width."""
    begin, middle, end = (round(share * cells) for share in (low, mean, high))
    whisker = "─" * (end - middle - 1) + "┤" if end > middle else ""
    filled = "█" * begin + "▓" * (middle - begin)
    return Piece(filled, style), Piece(whisker, "quiet"), Piece(" " * (cells - len(filled) - len(whisker)))


def ruler(cells: int, marks: Sequence[int], top: int) -> str:
    """Each mark ends where a bar of its length would."""
    line = [" "] * (cells + len(str(top)))
    for mark in marks:
        text = str(mark)
        at = max(0, round(mark / top * cells) - (len(text) if mark else 0))
        line[at : at + len(text)] = text
    return "".join(line).rstrip()
