"""The paper's Figure 1 from a table, every criterion on 0–100: as rows of text for a terminal, and as SVG."""

from collections.abc import Sequence
from html import escape

from evaluator.report import Table, TableRow

_BAR_CELLS = 30
_EIGHTHS = " ▏▎▍▌▋▊▉"
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#000000")
_WIDTH, _HEIGHT = 960, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 16, 40, 64
_GAP_SHARE = 0.25  # of a criterion's width, between its bars and the next one's
_LEGEND_STEP = 150


def chart_lines(table: Table) -> list[list[str]]:
    """Criterion, system, bar, value; the criterion stands on its first line only."""
    lines = []
    for criterion in table.rubric.criteria:
        for place, row in enumerate(table.rows):
            cell = row.cells.get(criterion.name)
            value = f"{cell.scaled:.1f}" if cell else "–"
            bar = _bar(cell.scaled if cell else 0.0)
            lines.append([criterion.name if place == 0 else "", row.name, bar, value])
    return lines


def svg(table: Table) -> str:
    criteria = table.rubric.criteria
    step = (_WIDTH - _LEFT - _RIGHT) / len(criteria)
    parts = [_frame()]
    for place, criterion in enumerate(criteria):
        left = _LEFT + place * step
        parts += _bars(table.rows, criterion.name, left, step)
        parts.append(_text(left + step / 2, _HEIGHT - _BOTTOM + 20, criterion.name, anchor="middle"))
    parts += _legend([row.name for row in table.rows])
    note = f"{table.judge}, {table.rubric.name}, (x − min) / (max − min) × 100"
    parts.append(_text(_LEFT, _HEIGHT - 12, note))
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">\n'
        f"{inside}\n</svg>\n"
    )


def _bar(scaled: float) -> str:
    eighths = round(scaled / 100 * _BAR_CELLS * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_CELLS)


def _y(scaled: float) -> float:
    return _HEIGHT - _BOTTOM - scaled / 100 * (_HEIGHT - _TOP - _BOTTOM)


def _frame() -> str:
    lines = [f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>']
    for mark in range(0, 101, 20):
        y = _y(mark)
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        lines.append(_text(_LEFT - 6, y + 4, str(mark), anchor="end"))
    return "\n".join(lines)


def _bars(rows: Sequence[TableRow], criterion: str, left: float, step: float) -> list[str]:
    width = step * (1 - _GAP_SHARE) / max(1, len(rows))
    parts = []
    for place, row in enumerate(rows):
        cell = row.cells.get(criterion)
        if cell is None:
            continue
        x, y = left + step * _GAP_SHARE / 2 + place * width, _y(cell.scaled)
        title = f"<title>{escape(row.name)}: {cell.scaled:.1f}</title>"
        colour = _COLOURS[place % len(_COLOURS)]
        height = _y(0) - y
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">{title}</rect>'
        )
    return parts


def _legend(names: Sequence[str]) -> list[str]:
    step = min(_LEGEND_STEP, (_WIDTH - _LEFT - _RIGHT) / max(1, len(names)))
    parts = []
    for place, name in enumerate(names):
        x = _LEFT + place * step
        parts.append(f'<rect x="{x:.1f}" y="14" width="12" height="12" fill="{_COLOURS[place % len(_COLOURS)]}"/>')
        parts.append(_text(x + 16, 24, name))
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
