"""Pieces of a line that take as many cells as they are given: columns of a row, a bar that fills."""

from collections.abc import Sequence

from textual.content import Content

_GAP = "  "


def cell(text: Content | str, cells: int, *, right: bool = False) -> Content:
    content = text if isinstance(text, Content) else Content(text)
    content = content.truncate(cells, ellipsis=True)
    room = cells - content.cell_length
    return content.pad(room, 0) if right else content.pad(0, room)


def bar(done: int, total: int, cells: int) -> Content:
    full = round(cells * min(done, total) / total) if total else cells
    return Content.assemble(("━" * full, "$accent"), ("─" * (cells - full), "$rule"))


def joined(lines: Sequence[Content]) -> Content:
    return Content("\n").join(lines)


def columns(rows: Sequence[Sequence[str]], width: int, *, right: Sequence[int] = ()) -> list[Content]:
    """One line a row, each column as wide as its widest cell, the line cut where there is no room; those numbered in `right` stand to the right."""
    cells = [[Content(text) for text in row] for row in rows]
    widest = [max(one.cell_length for one in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = [cell(one, widest[place], right=place in right) for place, one in enumerate(row)]
        lines.append(Content(_GAP).join(padded).rstrip().truncate(max(1, width), ellipsis=True))
    return lines
