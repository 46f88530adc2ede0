"""The table of a run as the shell prints it, and as JSON."""

from dataclasses import asdict
from typing import Any

from evaluator.report import (
    Cell,
    Table,
    TableRow,
    group_lines,
    interval_lines,
    table_lines,
    table_notes,
)
from evaluator.statistics import Difference
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe


def show_table(table: Table, number: int | None) -> None:
    """`number`: of the evaluation under which `kullm eval table` shows the same; None where it does not."""
    for line in text_lines(table):
        print(terminal_safe(line))
    narration = Narration()
    for note in (*table_notes(table), *([] if number is None else [run_note(number)])):
        narration.note(note)


def run_note(number: int) -> str:
    return say(
        f"평가 {number}번이에요. `kullm eval table --run {number}`로 다시 볼 수 있어요.",
        f"evaluation {number}: `kullm eval table --run {number}` shows it again.",
    )


def table_facts(table: Table) -> dict[str, Any]:
    return {
        "set": table.set_name,
        "judge": table.judge,
        "answered_by": table.answered_by,
        "rubric": table.rubric.name,
        "items": table.items,
        "repeats": None if table.steadiness is None else asdict(table.steadiness),
        "rows": [_row_facts(row) for row in table.rows],
        "differences": [_difference_facts(pair, one) for pair, one in table.differences.items()],
        "groups": [
            {"group": name, "rows": [{**_row_facts(row), "items": group.items} for row in group.rows]}
            for name, group in table.groups.items()
        ],
    }


def _row_facts(row: TableRow) -> dict[str, Any]:
    return {
        "model": row.name,
        "scores": {name: _cell_facts(cell) for name, cell in row.cells.items()},
        "n": row.scored,
        "unscored": dict(row.unscored),
        "reasons": dict(row.reasons),
        "faults": dict(row.faults),
        "flagged": row.flagged,
        "asked_again": row.asked_again,
        "by_hand": dict(row.by_hand),
        "imported": dict(row.imported),
        "length_correlation": row.length_correlation,
        "manner": row.manner and asdict(row.manner),
    }


def _difference_facts(pair: tuple[str, str], one: Difference) -> dict[str, Any]:
    return {
        "models": list(pair),
        "mean": one.mean,
        "low": one.interval.low,
        "high": one.interval.high,
        "p": one.p,
        "p_holm": one.p_among_all,
        "n": one.items,
    }


def _cell_facts(cell: Cell) -> dict[str, float]:
    return {"mean": cell.mean, "low": cell.interval.low, "high": cell.interval.high, "scaled": cell.scaled}


def text_lines(table: Table) -> list[str]:
    """The paper's table, each system's intervals on a line of their own below its means."""
    heading, *means = table_lines(table)
    lines = [heading]
    for line, spans in zip(means, interval_lines(table), strict=True):
        lines += [line, spans]
    shown = aligned(lines, right=range(1, len(heading)))
    if not table.groups:
        return shown
    last = table.rubric.criteria[-1].name
    groups = aligned(group_lines(table), right=range(1, len(table.rows) + 1))
    return [*shown, "", say(f"분류별 {last}", f"{last} by group"), *groups]
