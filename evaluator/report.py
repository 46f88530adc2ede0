"""The paper's table from verdicts: a mean and its interval for each criterion, how many of all the items it rests on, and
what says how far to trust it: pairs compared item by item, the pull of length, answers that are none, responses that spoke to the judge.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from evaluator.answer_faults import CUT
from evaluator.evaluation import Evaluation, SystemResult
from evaluator.manner import Manner, manner_of
from evaluator.questions import QuestionSet, parts_of
from evaluator.rubric import Criterion, Rubric
from evaluator.statistics import Difference, Interval, bootstrap_mean, holm, paired_difference, spearman, wilson
from evaluator.steadiness import Steadiness, steadiness_notes, steadiness_of
from evaluator.unscored import loss_warning, reason_lines, reasons_of, unscored_text
from evaluator.verdict import Status
from kullm_tui.core.language import say

FEW = 30  # scores, below which resampling them shows too little spread
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
    unscored: Mapping[str, int]  # by status; `other-judge` by another version of the judge; `missing`: not judged
    faults: Mapping[str, int]  # answers that are none, by kind
    flagged: int
    length_correlation: float | None  # Spearman, response length against the last criterion
    reasons: Mapping[str, int] = field(default_factory=dict)  # why those without scores have none; without `missing`
    asked_again: int = 0  # scores from a later asking, where the first verdict could not be read
    by_hand: Mapping[str, int] = field(
        default_factory=dict
    )  # scores that a person read in the judge's words: who, how many
    imported: Mapping[str, int] = field(default_factory=dict)  # scores that others bought: from which file, how many
    manner: Manner | None = None  # None: of some of the questions


@dataclass(frozen=True)
class Table:
    rubric: Rubric
    judge: str
    answered_by: str  # as the server named what gave these scores
    set_name: str
    items: int
    rows: tuple[TableRow, ...]
    differences: Mapping[tuple[str, str], Difference]  # of the last criterion
    groups: Mapping[str, "Group"] = field(default_factory=dict)  # by category and turn, where there are several
    steadiness: Steadiness | None = None  # None: each answer was judged once


@dataclass(frozen=True)
class Group:
    """The same systems on some of the questions."""

    items: int
    rows: tuple[TableRow, ...]


def score_table(evaluation: Evaluation, results: Sequence[SystemResult]) -> Table:
    last = evaluation.rubric.criteria[-1]
    scores = {
        one.system.name: {
            item: float(verdict.scores[last.name]) for item, verdict in one.verdicts.items() if verdict.status == "ok"
        }
        for one in results
    }
    differences = {}
    for a, b in combinations(scores, 2):
        difference = paired_difference(scores[a], scores[b], furthest=last.high - last.low)
        if difference:
            differences[a, b] = difference
    corrected = holm([one.p for one in differences.values()])
    differences = {
        pair: replace(one, p_among_all=p) for (pair, one), p in zip(differences.items(), corrected, strict=True)
    }
    return Table(
        evaluation.rubric,
        evaluation.judge.model,
        _answered_by(results),
        evaluation.questions.name,
        len(evaluation.questions.questions),
        tuple(
            replace(_row(evaluation, one), manner=manner_of(one.answers, evaluation.questions.questions))
            for one in results
        ),
        differences,
        _groups(evaluation, results),
        steadiness_of(evaluation, results),
    )


def _groups(evaluation: Evaluation, results: Sequence[SystemResult]) -> dict[str, Group]:
    groups = {}
    for name, questions in parts_of(evaluation.questions).items():
        some = replace(evaluation, questions=QuestionSet(name, questions))
        only = {one.id for one in questions}
        rows = tuple(_row(some, _within(one, only)) for one in results)
        groups[name] = Group(len(questions), rows)
    return groups


def _within(result: SystemResult, only: Container[str]) -> SystemResult:
    verdicts, others = (
        {item: one for item, one in some.items() if item in only} for some in (result.verdicts, result.others)
    )
    return replace(result, verdicts=verdicts, others=others)


def _answered_by(results: Sequence[SystemResult]) -> str:
    return next((one.answered_by for each in results for one in each.verdicts.values() if one.answered_by), "")


def counted(row: TableRow) -> str:
    """How many scores a row's means rest on."""
    return f"n = {row.scored}"


def cell_of(criterion: Criterion, scores: Sequence[float]) -> Cell:
    mean = sum(scores) / len(scores)
    interval = wilson(sum(scores), len(scores)) if criterion.is_binary else bootstrap_mean(scores)
    return Cell(mean, interval, criterion.scaled(mean))


def table_lines(table: Table, *, intervals: bool = False) -> list[list[str]]:
    """A heading and a line a system, in the paper's layout."""
    heading = [say("모델", "model"), *(one.name for one in table.rubric.criteria), "n"]
    return [heading, *(_line(row, table, intervals=intervals) for row in table.rows)]


def interval_lines(table: Table) -> list[list[str]]:
    """For each line of `table_lines` below the heading, the intervals under its cells."""
    return [
        ["", *(_span(row.cells.get(one.name)) for one in table.rubric.criteria), ""] for row in table.rows
    ]  # fmt: skip


def markdown(table: Table) -> str:
    """The report: the table with its intervals, systems against each other, and what to know about both."""
    parts = [f"# {table.set_name}", *markdown_table(table_lines(table, intervals=True))]
    if table.differences:
        parts += ["", f"## {say('짝지은 비교', 'Pairs')}: {table.rubric.criteria[-1].name}", ""]
        parts += markdown_table(difference_lines(table))
    if table.groups:
        parts += ["", f"## {say('분류별', 'By group')}: {table.rubric.criteria[-1].name}", ""]
        parts += markdown_table(group_lines(table))
    notes = [f"- {note}" for note in [*judge_notes(table), *pair_notes(table), *system_notes(table)]]
    return "\n".join([parts[0], "", *parts[1:], "", *notes]) + "\n"


def difference_lines(table: Table) -> list[list[str]]:
    """A heading and a line a pair: the mean difference on the items that both have, its interval, p, p among all pairs."""
    heading = ["A − B", say("차이", "difference"), "95 %", "p", "p (Holm)", "n"]
    lines = [heading]
    for (a, b), one in table.differences.items():
        among_all = one.p if one.p_among_all is None else one.p_among_all
        span = f"[{one.interval.low:+.3f}, {one.interval.high:+.3f}]"
        lines.append([f"{a} − {b}", f"{one.mean:+.3f}", span, f"{one.p:.4f}", f"{among_all:.4f}", str(one.items)])
    return lines


def group_lines(table: Table) -> list[list[str]]:
    """A heading and a line a group: for each system the last criterion's mean, its interval and how many scores it rests on."""
    last = table.rubric.criteria[-1].name
    heading = [say("분류", "group"), *(row.name for row in table.rows)]
    return [heading, *([name, *(_group_cell(row, last) for row in group.rows)] for name, group in table.groups.items())]


def _group_cell(row: TableRow, criterion: str) -> str:
    return f"{_cell_text(row.cells.get(criterion), intervals=True)} {counted(row)}"


def markdown_table(lines: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    return [
        "| " + " | ".join(_markdown_cell(cell) for cell in line) + " |" for line in [lines[0], rule, *lines[1:]]
    ]  # fmt: skip


def _markdown_cell(text: str) -> str:
    """A system's name is a stranger's: it stays one cell, and starts no markup."""
    return re.sub(r"([\\|*_`<>]|(?<=\])\()", r"\\\1", " ".join(text.split()))


def csv_text(table: Table) -> str:
    """One line a system and criterion, in full precision; after them the same of each group."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["model", "criterion", "mean", "low", "high", "scaled", "n", "items", "judge", "answered_by", "rubric", "group"]
    )
    judged = [table.judge, table.answered_by, table.rubric.name]
    for group, part in {"": Group(table.items, table.rows), **table.groups}.items():
        for row in part.rows:
            for name, cell in row.cells.items():
                numbers = [f"{value:.6f}" for value in (cell.mean, cell.interval.low, cell.interval.high, cell.scaled)]
                counts = [row.scored, part.items]
                writer.writerow([_csv_cell(row.name), name, *numbers, *counts, *judged, _csv_cell(group)])
    return out.getvalue()


def table_notes(table: Table) -> list[str]:
    return [
        *judge_notes(table),
        *system_notes(table),
        *pair_notes(table),
        *(_difference_note(pair, difference) for pair, difference in table.differences.items()),
    ]


def judge_notes(table: Table) -> list[str]:
    answered = f" ({table.answered_by})" if table.answered_by not in ("", table.judge) else ""
    kinds = ["Wilson"] if any(one.is_binary for one in table.rubric.criteria) else []
    kinds += ["bootstrap"] if not all(one.is_binary for one in table.rubric.criteria) else []
    method = " · ".join(kinds)
    return [
        say(
            f"채점자 {table.judge}{answered}, 채점 기준 {table.rubric.name}, 구간은 95 % ({method})",
            f"judge {table.judge}{answered}, rubric {table.rubric.name}; intervals are 95 % ({method})",
        ),
        *steadiness_notes(table.steadiness),
    ]


def pair_notes(table: Table) -> list[str]:
    """By which test systems are compared: the one that the interval is of."""
    if not table.differences:
        return []
    return [
        say(
            "A − B: 같은 질문의 점수끼리 뺀 평균. p는 짝지은 부호 뒤집기 검정, 구간은 그 검정이 p ≥ .05로 두는 차이예요",
            "A − B: the mean difference on the same questions; p by flipping the signs of pairs, and the interval holds the "
            "differences to which that test gives p ≥ .05",
        )
    ]


def system_notes(table: Table) -> list[str]:
    """What says how far to trust a system's row."""
    return [
        f"{row.name}: {note}"
        for row in table.rows
        for note in (*_answer_notes(row), *_score_notes(row), *reading_notes(row))
    ]


def _answer_notes(row: TableRow) -> Iterator[str]:
    faults = ", ".join(f"{name} {count}" for name, count in row.faults.items() if count and name != CUT)
    if faults:
        yield say(
            f"비정상 답변 ({faults}). 프롬프트 양식이 맞는지 확인하세요",
            f"answers that are none ({faults}). See whether its template is right",
        )
    if row.faults.get(CUT):
        yield say(
            f"길이 한도에서 잘린 답변 {row.faults[CUT]}개",
            f"{row.faults[CUT]} answers were cut at the limit of tokens",
        )
    if row.manner and row.manner.note:
        yield row.manner.note
    if row.flagged:
        yield say(f"채점자에게 말을 거는 답변 {row.flagged}개", f"{row.flagged} speak to the judge")


def _score_notes(row: TableRow) -> Iterator[str]:
    unscored = unscored_text(row.unscored)
    if unscored:
        yield say(f"점수 없음 ({unscored})", f"unscored ({unscored})")
    yield from reason_lines(row.reasons)
    if warning := loss_warning(row.scored, row.unscored):
        yield warning
    if others := row.unscored.get("other-judge"):
        yield say(
            f"{others}개는 채점자의 다른 버전이 채점해 평균에 넣지 않았어요. --judge-model에 날짜가 붙은 이름을 쓰세요",
            f"{others} were judged by another version of the judge and are left out. Name a dated --judge-model",
        )
    if 0 < row.scored < FEW:
        yield say(
            f"점수가 {row.scored}개뿐이라 구간이 실제보다 좁을 수 있어요",
            f"only {row.scored} scores, so the intervals may be narrower than they should be",
        )
    elif row.length_correlation is not None:
        yield say(
            f"답의 길이와 점수의 순위상관 {row.length_correlation:+.2f}",
            f"rank correlation of length and score {row.length_correlation:+.2f}",
        )


def reading_notes(row: TableRow) -> Iterator[str]:
    """Scores that did not come of the judge's first words to us, so that none is mixed in unsaid."""
    for file, count in sorted(row.imported.items()):
        yield say(f"{file}에서 가져온 채점 {count}개", f"{count} scores were imported from {file}")
    if row.asked_again:
        yield say(f"다시 물어 얻은 점수 {row.asked_again}개", f"{row.asked_again} scores came of asking again")
    for reader, count in sorted(row.by_hand.items()):
        yield say(
            f"채점자의 글을 사람이 읽고 적은 점수 {count}개 ({reader})",
            f"{count} scores were read in the judge's words by a person ({reader})",
        )


def _csv_cell(text: str) -> str:
    """A name that a spreadsheet would take for a formula is quoted, as spreadsheets do."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _row(evaluation: Evaluation, result: SystemResult) -> TableRow:
    questions = evaluation.questions.questions
    scored = {item: verdict for item, verdict in result.verdicts.items() if verdict.status == "ok"}
    cells = {}
    for criterion in evaluation.rubric.criteria if scored else ():
        cells[criterion.name] = cell_of(criterion, [verdict.scores[criterion.name] for verdict in scored.values()])
    statuses = Counter(verdict.status for verdict in result.verdicts.values())
    unscored: dict[str, int] = {status: statuses[status] for status in _STATUSES}
    unscored |= {"other-judge": len(result.others)} if result.others else {}
    unscored["missing"] = len(questions) - len(result.verdicts) - len(result.others)
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
        reasons_of(result.verdicts.values()),
        sum(verdict.repeat > 0 for verdict in scored.values()),
        Counter(verdict.by_hand for verdict in scored.values() if verdict.by_hand),
        Counter(verdict.imported for verdict in scored.values() if verdict.imported),
    )


def _line(row: TableRow, table: Table, *, intervals: bool) -> list[str]:
    cells = [_cell_text(row.cells.get(one.name), intervals=intervals) for one in table.rubric.criteria]
    return [row.name, *cells, f"{row.scored}/{table.items}"]


def _cell_text(cell: Cell | None, *, intervals: bool) -> str:
    if cell is None:
        return "–"
    return f"{cell.mean:.3f} [{_span(cell)}]" if intervals else f"{cell.mean:.3f}"


def _span(cell: Cell | None) -> str:
    return f"{cell.interval.low:.3f}–{cell.interval.high:.3f}" if cell else ""


def _difference_note(pair: tuple[str, str], difference: Difference) -> str:
    low, high = difference.interval.low, difference.interval.high
    among_all = f" (Holm {difference.p_among_all:.4f})" if difference.p_among_all not in (None, difference.p) else ""
    return f"{pair[0]} − {pair[1]}: {difference.mean:+.3f} [{low:+.3f}, {high:+.3f}], p = {difference.p:.4f}{among_all}, n = {difference.items}"
