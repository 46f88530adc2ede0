"""The paper's table from verdicts: a mean and its interval for each criterion, how many of all the items it rests on, and
what says how far to trust it: pairs compared item by item, the pull of length, answers that are none, responses that spoke to the judge.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from evaluator.evaluation import Evaluation, SystemResult
from evaluator.rubric import Criterion, Rubric
from evaluator.statistics import Difference, Interval, bootstrap_mean, paired_difference, spearman, wilson
from evaluator.verdict import Status
from kullm_tui.core.language import say

_STATUSES: tuple[Status, ...] = ("unparsed", "refused", "error")


@dataclass(frozen=True)
class Cell:
    mean: float
    interval: Interval
    scaled: float  # 0–100, as in the paper's Figure 1


@dataclass(frozen=True)
class TableRow:
    name: str
    cells: Mapping[str, Cell]  # by the criterion's name; empty where nothing was scored
    scored: int
    unscored: Mapping[str, int]  # by status, and `missing` for what was not judged
    faults: Mapping[str, int]  # answers that are none, by kind
    flagged: int
    length_correlation: float | None  # Spearman, response length against the last criterion


@dataclass(frozen=True)
class Table:
    rubric: Rubric
    judge: str
    items: int
    rows: tuple[TableRow, ...]
    differences: Mapping[tuple[str, str], Difference]  # of the last criterion


def score_table(evaluation: Evaluation, results: Sequence[SystemResult]) -> Table:
    overall = evaluation.rubric.criteria[-1].name
    scores = {
        one.system.name: {
            item: float(verdict.scores[overall]) for item, verdict in one.verdicts.items() if verdict.status == "ok"
        }
        for one in results
    }
    differences = {}
    for a, b in combinations(scores, 2):
        difference = paired_difference(scores[a], scores[b])
        if difference:
            differences[a, b] = difference
    rows = tuple(_row(evaluation, one) for one in results)
    return Table(evaluation.rubric, evaluation.judge.model, len(evaluation.questions.questions), rows, differences)


def cell_of(criterion: Criterion, scores: Sequence[int]) -> Cell:
    mean = sum(scores) / len(scores)
    interval = wilson(sum(scores), len(scores)) if criterion.is_binary else bootstrap_mean(scores)
    return Cell(mean, interval, criterion.scaled(mean))


def table_lines(table: Table, *, intervals: bool = False) -> list[list[str]]:
    """A heading and a line a system, in the paper's layout."""
    heading = [say("모델", "model"), *(one.name for one in table.rubric.criteria), "n"]
    return [heading, *(_line(row, table, intervals=intervals) for row in table.rows)]


def markdown(table: Table) -> str:
    lines = table_lines(table, intervals=True)
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    rows = [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in [lines[0], rule, *lines[1:]]
    ]
    notes = [f"- {note}" for note in table_notes(table)]
    return "\n".join([*rows, "", *notes]) + "\n"


def csv_text(table: Table) -> str:
    """One line a system and criterion, in full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["model", "criterion", "mean", "low", "high", "scaled", "n", "items", "judge", "rubric"])
    for row in table.rows:
        for name, cell in row.cells.items():
            numbers = [f"{value:.6f}" for value in (cell.mean, cell.interval.low, cell.interval.high, cell.scaled)]
            writer.writerow(
                [row.name, name, *numbers, row.scored, table.items, table.judge, table.rubric.name]
            )  # fmt: skip
    return out.getvalue()


def table_notes(table: Table) -> list[str]:
    judged = say(
        f"채점자 {table.judge}, 채점 기준 {table.rubric.name}, 구간은 95 %",
        f"judge {table.judge}, rubric {table.rubric.name}; intervals are 95 %",
    )
    notes = [judged]
    for row in table.rows:
        unscored = ", ".join(f"{name} {count}" for name, count in row.unscored.items() if count)
        faults = ", ".join(f"{name} {count}" for name, count in row.faults.items() if count)
        if unscored:
            notes.append(say(f"{row.name}: 점수 없음 ({unscored})", f"{row.name}: unscored ({unscored})"))
        if faults:
            notes.append(
                say(
                    f"{row.name}: 답이 아닌 답 ({faults}). 프롬프트 양식이 맞는지 확인하세요",
                    f"{row.name}: answers that are none ({faults}). See whether its template is right",
                )
            )
        if row.flagged:
            notes.append(
                say(
                    f"{row.name}: 채점자에게 말을 거는 답 {row.flagged}개",
                    f"{row.name}: {row.flagged} speak to the judge",
                )
            )
        if row.length_correlation is not None:
            notes.append(
                say(
                    f"{row.name}: 답의 길이와 점수의 순위상관 {row.length_correlation:+.2f}",
                    f"{row.name}: rank correlation of length and score {row.length_correlation:+.2f}",
                )
            )
    notes += [_difference_note(pair, difference) for pair, difference in table.differences.items()]
    return notes


def _row(evaluation: Evaluation, result: SystemResult) -> TableRow:
    questions = evaluation.questions.questions
    scored = {item: verdict for item, verdict in result.verdicts.items() if verdict.status == "ok"}
    cells = {}
    for criterion in evaluation.rubric.criteria if scored else ():
        cells[criterion.name] = cell_of(criterion, [verdict.scores[criterion.name] for verdict in scored.values()])
    statuses = Counter(verdict.status for verdict in result.verdicts.values())
    unscored: dict[str, int] = {status: statuses[status] for status in _STATUSES}
    unscored["missing"] = len(questions) - len(result.verdicts)
    faults = Counter(result.answers[one.id].fault(one) for one in questions if one.id in result.answers)
    overall = evaluation.rubric.criteria[-1].name
    return TableRow(
        result.system.name,
        cells,
        len(scored),
        unscored,
        {name: count for name, count in faults.items() if name},
        sum(bool(verdict.flags) for verdict in result.verdicts.values()),
        spearman(
            [len(result.answers[item].response) for item in scored],
            [verdict.scores[overall] for verdict in scored.values()],
        ),
    )


def _line(row: TableRow, table: Table, *, intervals: bool) -> list[str]:
    cells = [_cell_text(row.cells.get(one.name), intervals=intervals) for one in table.rubric.criteria]
    return [row.name, *cells, f"{row.scored}/{table.items}"]


def _cell_text(cell: Cell | None, *, intervals: bool) -> str:
    if cell is None:
        return "–"
    span = f" [{cell.interval.low:.3f}–{cell.interval.high:.3f}]" if intervals else ""
    return f"{cell.mean:.3f}{span}"


def _difference_note(pair: tuple[str, str], difference: Difference) -> str:
    low, high = difference.interval.low, difference.interval.high
    return f"{pair[0]} − {pair[1]}: {difference.mean:+.3f} [{low:+.3f}, {high:+.3f}], p = {difference.p:.4f}, n = {difference.items}"
