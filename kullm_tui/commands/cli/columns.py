"""Rows of text in columns, measured in the cells of a terminal: 한글 takes two a letter."""

import unicodedata
from collections.abc import Sequence

_GAP = "  "


def cells(text: str) -> int:
    return sum(_cells_of(character) for character in text)


def aligned(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """One line a row; the columns numbered in `right` stand to the right, the last is never padded."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return [_GAP.join(_padded(row, widths, right)).rstrip() for row in rows]


def _padded(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    padded = []
    for place, (text, width) in enumerate(zip(row, widths, strict=True)):
        blank = " " * (width - cells(text))
        padded.append(blank + text if place in right else text if place == len(row) - 1 else text + blank)
    return padded


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
