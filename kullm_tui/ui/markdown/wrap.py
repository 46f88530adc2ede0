"""Where a line of text breaks at a width, measured in cells. Korean breaks between words (어절), long words anywhere."""

import re
from collections.abc import Iterator

from rich.cells import cell_len

Cut = tuple[int, int]  # the characters of one row; the space at which it broke is in none

_WORD = re.compile(r"\S+\s*|\s+")


def fold_words(text: str, width: int) -> list[Cut]:
    if _fits(text, width):
        return [(0, len(text))]
    rows: list[Cut] = []
    start = end = used = 0  # of the row that is being filled; `used` cells with the space behind its last word
    for found in _WORD.finditer(text):
        word = found[0].rstrip()
        cells = cell_len(word)
        if used + cells > width and used and cells <= width:
            rows.append((start, end))
            start, used = found.start(), 0
        elif used + cells > width:
            *full, (start, used) = _chopped(text, found.start(), found.start() + len(word), width, start, used)
            rows += [(first, last) for first, last in full]
            cells = 0
        end = found.start() + len(word)
        used += cells + len(found[0]) - len(word)
    rows.append((start, max(start, end)))
    return rows


def fold_anywhere(text: str, width: int) -> list[Cut]:
    """For code, where a space means something."""
    if _fits(text, width):
        return [(0, len(text))]
    *full, (start, _) = _chopped(text, 0, len(text), width, 0, 0)
    return [*full, (start, len(text))]


def _chopped(text: str, begin: int, end: int, width: int, start: int, used: int) -> Iterator[tuple[int, int]]:
    """The rows that text[begin:end] fills, behind `used` cells of a row begun at `start`; last what is left: its start and cells."""
    for index in range(begin, end):
        cells = cell_len(text[index])
        if used + cells > width and index > start:
            yield (start, index)
            start, used = index, 0
        used += cells
    yield (start, used)


def _fits(text: str, width: int) -> bool:
    if len(text) > width:
        return False  # every character that is shown takes a cell; the rare others only make a row shorter
    return text.isascii() or 2 * len(text) <= width or cell_len(text) <= width
