"""The paper's Figure 1 from a table as rows of text for a terminal, every criterion on 0–100; `figure.py` draws it."""

from evaluator.report import Table, counted

_BAR_CELLS = 30
_EIGHTHS = " ▏▎▍▌▋▊▉"


def chart_lines(table: Table) -> list[list[str]]:
    """Criterion, system, bar, value, the scores that it rests on; the criterion stands on its first line only."""
    lines = []
    for criterion in table.rubric.criteria:
        for place, row in enumerate(table.rows):
            cell = row.cells.get(criterion.name)
            value = f"{cell.scaled:.1f}" if cell else "–"
            bar = _bar(cell.scaled if cell else 0.0)
            lines.append([criterion.name if place == 0 else "", row.name, bar, value, counted(row)])
    return lines


def _bar(scaled: float) -> str:
    eighths = round(scaled / 100 * _BAR_CELLS * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_CELLS)
