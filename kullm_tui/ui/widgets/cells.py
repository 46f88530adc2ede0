"""Pieces of a line that take as many cells as they are given: columns of a row, a bar that fills."""

from collections.abc import Sequence

from textual.content import Content


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
