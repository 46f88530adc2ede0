"""Dots in the cells of a terminal: braille, 2 × 4 to a cell, or half blocks, 1 × 2, for fonts without braille.

A column of dots is one whole number, a bit a dot from the bottom up, so that a run of any length is one operation. Series lie over each other: a cell shows the
dots of all of them in the style of the last that has one there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from kullm_tui.core.plot.rows import Piece, Row, Style

_BRAILLE = 0x2800


@dataclass(frozen=True)
class Dots:
    across: int
    down: int
    blocks: str = ""  # the glyph of each set of dots; without: braille

    @cached_property
    def glyphs(self) -> str:
        """At each number the glyph with those dots: bit by bit from the bottom up, the left column first."""
        signs = (0x40, 0x04, 0x02, 0x01, 0x80, 0x20, 0x10, 0x08)
        sets = (sum(sign for bit, sign in enumerate(signs) if number >> bit & 1) for number in range(1 << len(signs)))
        return self.blocks or " " + "".join(chr(_BRAILLE + one) for one in sets)[1:]


BRAILLE = Dots(2, 4)
HALF_BLOCKS = Dots(1, 2, " ▄▀█")


def dots_for(environment: Mapping[str, str]) -> Dots:
    """Linux's own console has a font of a few hundred glyphs, braille not among them."""
    return HALF_BLOCKS if environment.get("TERM") == "linux" else BRAILLE


class Canvas:
    def __init__(self, width: int, height: int, dots: Dots) -> None:
        self.columns, self.rows = width * dots.across, height * dots.down
        self._width, self._height, self._dots = width, height, dots
        self._layers: dict[Style, list[int]] = {}

    def run(self, style: Style, column: int, low: int, high: int) -> None:
        """The dots of one column from row to row, both of them; row 0 is at the bottom."""
        layer = self._layers.setdefault(style, [0] * self.columns)
        layer[column] |= (1 << high + 1) - (1 << low)

    def line(self, style: Style, start: tuple[int, int], end: tuple[int, int]) -> None:
        """From a dot to another that stands further right, without a gap."""
        (column, row), (last, target) = start, end
        slope, before = (target - row) / (last - column), row
        for step in range(1, last - column + 1):
            here = round(row + slope * step)
            near = before + (here > before) - (here < before)
            self.run(style, column + step, min(near, here), max(near, here))
            before = here

    def drawn(self) -> list[Row]:
        """From the top down, each as wide as the canvas."""
        numbers = [[0] * self._width for _ in range(self._height)]
        styles: list[list[Style]] = [[""] * self._width for _ in range(self._height)]
        for style, layer in self._layers.items():
            self._lay(style, layer, numbers, styles)
        glyphs = self._dots.glyphs
        return [
            tuple(
                Piece("".join(glyphs[number] for number, _ in cells), style)
                for style, cells in groupby(zip(row, looks, strict=True), key=lambda cell: cell[1])
            )
            for row, looks in zip(reversed(numbers), reversed(styles), strict=True)
        ]

    def _lay(self, style: Style, layer: list[int], numbers: list[list[int]], styles: list[list[Style]]) -> None:
        across, down = self._dots.across, self._dots.down
        full = (1 << down) - 1
        for column, dots in enumerate(layer):
            x, part = divmod(column, across)
            y = 0
            while dots:
                if here := dots & full:
                    numbers[y][x] |= here << part * down
                    styles[y][x] = style
                dots >>= down
                y += 1
