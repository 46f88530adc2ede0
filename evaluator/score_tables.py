"""Scores in markdown tables: a criterion a row, or a criterion a column. A column counts for what its head says it is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluator.rubric import Criterion
from evaluator.score_beside import Unclear, Value, value_beside, value_of
from evaluator.score_doubts import doubt
from evaluator.score_text import label_pattern
from kullm_tui.core.language import say

_Role = Literal["score", "most", "range", "aside", "remark", "unknown"]
_ROLES: tuple[tuple[_Role, str], ...] = (
    ("most", r"만점|배점|최대|최고|max|out\s+of|full|possible"),
    ("range", r"범위|척도|range|scale"),
    ("aside", r"번호|순번|#|no\.?$|가중|weight|^id$|index"),
    ("remark", r"이유|근거|설명|비고|의견|코멘트|평가\s*내용|reason|comment|explanation|rationale|justification|note|remark"),
    ("score", r"점수|평점|score|rating|grade|결과|^평가$|^값$|value"),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What a table says of one criterion, and the line on which it stands."""

    criterion: Criterion
    line: int
    said: Value | Unclear


@dataclass(frozen=True)
class Table:
    lines: range
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(lines: Sequence[str]) -> Iterator[Table]:
    """A head, a rule below it, and the rows."""
    place = 0
    while place < len(lines) - 2:
        head, rule = _cells(lines[place]), _cells(lines[place + 1])
        if len(head) < 2 or len(head) != len(rule) or not all(re.fullmatch(r":?-+:?", cell) for cell in rule):
            place += 1
            continue
        end = place + 2
        while end < len(lines) and _cells(lines[end]):
            end += 1
        yield Table(range(place, end), head, [_cells(line) for line in lines[place + 2 : end]])
        place = end


def cells(table: Table, criteria: Sequence[Criterion]) -> Iterator[Cell]:
    named = [one for one in map(lambda head: _named(head, criteria), table.head) if one]
    yield from _by_column(table, criteria) if named else _by_row(table, criteria)


def _by_row(table: Table, criteria: Sequence[Criterion]) -> Iterator[Cell]:
    for number, row in enumerate(table.rows):
        place = next((column for column, cell in enumerate(row) if _named(cell, criteria)), None)
        if place is None:
            continue
        criterion = _named(row[place], criteria)
        assert criterion
        brackets = re.sub(label_pattern(criterion), "", row[place], flags=re.IGNORECASE)
        others = [
            (_role(head), cell)
            for column, (head, cell) in enumerate(zip(table.head, row, strict=False))
            if column != place
        ]
        said = _unclear() if len(row) != len(table.head) else _said(others, brackets, criterion)
        yield Cell(criterion, table.lines.start + 2 + number, said)


def _by_column(table: Table, criteria: Sequence[Criterion]) -> Iterator[Cell]:
    """Rows then have roles, by their first cell; without one there can be but one row."""
    headed = _named(table.head[0], criteria) is None
    roles: list[_Role] = [_role(row[0]) if headed else "score" for row in table.rows]
    if len(table.rows) == 1 and roles[0] == "unknown":
        roles = ["score"]
    for column, head in enumerate(table.head):
        criterion = _named(head, criteria)
        if criterion is None:
            continue
        brackets = re.sub(label_pattern(criterion), "", head, flags=re.IGNORECASE)
        if any(len(row) != len(table.head) for row in table.rows):
            yield Cell(criterion, table.lines.start, _unclear())
            continue
        given = [(role, row[column]) for role, row in zip(roles, table.rows, strict=True)]
        yield Cell(criterion, table.lines.start, _said(given, brackets, criterion))


def _said(given: Sequence[tuple[_Role, str]], brackets: str, criterion: Criterion) -> Value | Unclear:
    """One cell is the score; every other is explained by its role, or holds no number that could be one."""
    scores = [cell for role, cell in given if role == "score"]
    if not scores:
        scores = [cell for role, cell in given if role == "unknown" and isinstance(value_of(cell, criterion), Value)]
    if len(scores) != 1:
        return _unclear()
    said = value_beside(f"{brackets} : {scores[0]}", criterion)
    if not isinstance(said, Value):
        return said or _unclear()
    fits = all(_fits(role, cell, said.score, criterion) for role, cell in given if cell is not scores[0])
    return said if fits else _unclear()


def _fits(role: _Role, cell: str, score: float, criterion: Criterion) -> bool:
    if role in ("most", "range"):
        numbers = [int(number) for number in re.findall(r"\d+", cell)]
        return numbers in ([criterion.high], [criterion.low, criterion.high])
    return role == "aside" or not doubt(f". {cell}", score, criterion)


def _named(cell: str, criteria: Sequence[Criterion]) -> Criterion | None:
    for one in criteria:
        if re.fullmatch(
            rf"(?:\(?[0-9]{{1,2}}[.)]\s*)?(?:{label_pattern(one)})(?:\s*[(\[][^()\[\]]*[)\]])*", cell, re.IGNORECASE
        ):
            return one
    return None


def _role(head: str) -> _Role:
    return next((role for role, words in _ROLES if re.search(words, head, re.IGNORECASE)), "unknown")


def _unclear() -> Unclear:
    return Unclear(say("표의 어느 칸이 점수인지 알 수 없어요", "no one cell of the table is the score"))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
