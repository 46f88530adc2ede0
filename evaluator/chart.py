"""The paper's Figure 1 from a table as rows of a terminal, every criterion on 0–100; `figure.py` draws it into a file."""

from collections.abc import Iterator

from rich.cells import cell_len

from evaluator.report import Table, counted
from evaluator.rubric import Criterion
from kullm_tui.core.plot.bars import bar, ruler
from kullm_tui.core.plot.rows import Piece, Row, fitted
from kullm_tui.core.text import safe_line

_NARROWEST_NAME, _WIDEST_NAME, _NARROWEST_BAR = 10, 22, 10
_VALUE_CELLS = 5
_GAP = "  "
_MARKS = (0, 25, 50, 75, 100)


def chart_rows(table: Table, width: int) -> list[Row]:
    """System under system for each criterion, the 95 % interval around the bar's end; and how many scores they rest on."""
    wanted = max((cell_len(safe_line(row.name)) for row in table.rows), default=0)
    name_cells = max(_NARROWEST_NAME, min(wanted, _WIDEST_NAME))
    cells = max(_NARROWEST_BAR, width - name_cells - len(_GAP) * 2 - _VALUE_CELLS)
    rows: list[Row] = [(Piece(" " * (name_cells + len(_GAP))), Piece(ruler(cells, _MARKS, 100), "quiet"))]
    for criterion in table.rubric.criteria:
        rows += [(Piece(safe_line(criterion.name), "strong"),), *_bars(table, criterion, name_cells, cells)]
    counts = " · ".join(f"{safe_line(row.name)} {counted(row)}" for row in table.rows)
    return [*rows, (Piece(counts, "quiet"),)]


def _bars(table: Table, criterion: Criterion, name_cells: int, cells: int) -> Iterator[Row]:
    for place, row in enumerate(table.rows):
        name = Piece(fitted(safe_line(row.name), name_cells) + _GAP)
        cell = row.cells.get(criterion.name)
        if cell is None:
            yield name, Piece("–", "quiet")
            continue
        low, high = (criterion.scaled(edge) / 100 for edge in (cell.interval.low, cell.interval.high))
        drawn = bar(low, cell.scaled / 100, high, cells, place)
        yield name, *drawn, Piece(f"{_GAP}{cell.scaled:.1f}".rjust(len(_GAP) + _VALUE_CELLS))
