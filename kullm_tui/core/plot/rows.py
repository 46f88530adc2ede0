"""A plot's rows: pieces of text that name their style, which the shell and a screen colour each in its own way."""

from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

Style = int | Literal["", "quiet", "strong", "alarm"]  # a number: the place of a series among the others


class Piece(NamedTuple):
    text: str
    style: Style = ""


Row = tuple[Piece, ...]


def plain(row: Row) -> str:
    return "".join(piece.text for piece in row).rstrip()


def fitted(text: str, cells: int) -> str:
    """Exactly as wide as that: 한글 takes two cells a letter."""
    if cell_len(text) > cells:
        text = f"{set_cell_size(text, cells - 1).rstrip()}…"
    return text + " " * (cells - cell_len(text))
