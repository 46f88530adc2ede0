"""Where a judge's text names a criterion, and the score that stands there: on its line, below it, before it, or in a table.

What stands beside the name is read in score_beside.py. In doubt a place is a Misfit, never a score: an unread verdict is asked
about, a wrong one is believed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluator.rubric import Criterion
from evaluator.score_beside import Unclear, Value, bare, value_at_end, value_beside
from evaluator.score_doubts import doubt
from evaluator.score_tables import cells, tables
from evaluator.score_text import MARK, NUMBER, as_score, label_pattern, plain
from kullm_tui.core.language import say

# Where a label may begin: a line, past bullets and numbering; after a separator within it; after a score.
_HEAD = r"""(?:^[\s\-–—•·◦▪●○+#|\[{(<]*(?:[(\[]?(?:[0-9]{1,2}|[A-Za-z가-하])[.)\]:]\s*|[①-⑳]\s*|[0-9]{1,2}\s*\|\s*)?[\s#|\-]*
    |[,;|/·.{]\s*(?:(?:and|그리고|및)\s+)?
    |(?<=[0-9점)\]])\s+(?:(?:and|그리고|및)\s+)?)
    (?:(?:최종|제|final|my|the|overall\s+score\s+for|score\s+for|rating\s+for)\s+)?"""
_FIRST = rf"^[\s\-–—•|]*[(\[]?(?P<number>{NUMBER})(?P<mark>\s*(?:{MARK}|/\s*(?P<most>[0-9]{{1,3}})))?[)\]]?(?:\s*[:|=]\s*|\s+[-–—]\s+|\s+)"


@dataclass(frozen=True)
class Found:
    criterion: Criterion
    score: float
    place: int = 0  # the line


@dataclass(frozen=True)
class Misfit:
    """A criterion with something beside it that is no score in the rubric's form."""

    criterion: Criterion
    line: str
    place: int = 0
    why: str = ""
    firm: bool = True  # False: a sentence about the score, which the form below it may settle


@dataclass(frozen=True)
class _Label:
    criterion: Criterion
    place: int
    start: int
    rest: str  # up to the next label of the line
    last: bool  # of its line


def statements(text: str, criteria: Sequence[Criterion]) -> list[Found | Misfit]:
    """Every place of the text that gives, or tries to give, a criterion its score, from top to bottom."""
    return statements_in(plain_lines(text), criteria)


def plain_lines(text: str) -> list[str]:
    return [
        "" if line.lstrip().startswith(">") else line for line in plain(text).splitlines()
    ]  # a quotation says nothing


def statements_in(lines: Sequence[str], criteria: Sequence[Criterion]) -> list[Found | Misfit]:
    found: list[Found | Misfit] = []
    lines = list(lines)
    for table in tables(lines):
        for cell in cells(table, criteria):
            found.append(_statement(cell.criterion, cell.said, lines[cell.line], cell.line))
        lines[table.lines.start : table.lines.stop] = [""] * len(table.lines)
    first = _scores_first(lines, criteria)
    for place in {one.place for one in first}:
        lines[place] = ""
    found += [*first, *_at_labels(lines, criteria)]
    stated = {one.place for one in found if isinstance(one, Found)}
    return sorted((_firm_beside(one, stated) for one in found), key=lambda one: one.place)


def _firm_beside(one: Found | Misfit, stated: set[int]) -> Found | Misfit:
    """On a line that gives a score, a sentence about another is part of what the line says."""
    return replace(one, firm=True) if isinstance(one, Misfit) and one.place in stated else one


def numbers_beside(lines: Sequence[str], criteria: Sequence[Criterion]) -> Iterator[tuple[str, float]]:
    """Every number that stands on a line with a criterion's name, whatever it is there."""
    for label in _labels(lines, criteria):
        for number in re.findall(NUMBER, label.rest):
            yield label.criterion.name, as_score(number)


def _at_labels(lines: Sequence[str], criteria: Sequence[Criterion]) -> Iterator[Found | Misfit]:
    labels = list(_labels(lines, criteria))
    for number, label in enumerate(labels):
        said = value_beside(label.rest, label.criterion)
        if said is not None:
            yield _statement(label.criterion, said, lines[label.place], label.place)
        elif label.last:
            end = labels[number + 1].place if number + 1 < len(labels) else len(lines)
            yield from _below(label, lines, end)


def _labels(lines: Sequence[str], criteria: Sequence[Criterion]) -> Iterator[_Label]:
    pattern, owners = _label_finder(criteria)
    for place, line in enumerate(lines):
        matches = list(pattern.finditer(line))
        for number, match in enumerate(matches):
            last = number + 1 == len(matches)
            rest = line[match.end() : len(line) if last else matches[number + 1].start()]
            yield _Label(_owner(match["label"], owners), place, match.start(), rest, last)


def _label_finder(criteria: Sequence[Criterion]) -> tuple[re.Pattern[str], Mapping[str, Criterion]]:
    owners = {_folded(name): one for one in criteria for name in (one.name, *one.aliases)}
    names = sorted((label_pattern(one) for one in criteria), key=len, reverse=True)
    alternatives = sorted("|".join(names).split("|"), key=len, reverse=True)
    return re.compile(rf"{_HEAD}(?P<label>{'|'.join(alternatives)})(?![A-Za-z])", re.IGNORECASE | re.VERBOSE), owners


def _owner(label: str, owners: Mapping[str, Criterion]) -> Criterion:
    return owners[_folded(label)]


def _folded(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).casefold()


def _below(label: _Label, lines: Sequence[str], end: int) -> Iterator[Found | Misfit]:
    """A heading with its reason, and the score on a line of its own or closing the reason."""
    given: dict[int, Value] = {}
    reason = re.sub(r"^\s*(?:[(\[][^()\[\]]*[)\]]\s*)*[:=\-–—]?\s*", "", label.rest)
    if value := value_at_end(reason, label.criterion):
        given[label.place] = value
    for place in range(label.place + 1, end):
        if value := bare(lines[place], label.criterion) or value_at_end(lines[place], label.criterion):
            given[place] = value
    if not given:
        return
    place, line = max(given), lines[label.place]
    if len({value.score for value in given.values()}) > 1:
        yield Misfit(label.criterion, line, label.place, say("수가 여러 개 있어요", "several numbers follow"))
    elif not _scale_fits(label.rest, label.criterion):
        yield Misfit(label.criterion, line, label.place, say("다른 척도예요", "another scale"))
    elif label.place not in given and (why := doubt(f". {reason}", given[place].score, label.criterion)):
        yield Misfit(label.criterion, line, label.place, why)
    else:
        yield Found(label.criterion, given[place].score, place)


def _scale_fits(rest: str, criterion: Criterion) -> bool:
    brackets = re.match(r"\s*((?:[(\[][^()\[\]]*[)\]]\s*)*)", rest)
    probe = value_beside(f"{brackets[1] if brackets else ''} : {criterion.high}", criterion)
    return isinstance(probe, Value)


def _scores_first(lines: Sequence[str], criteria: Sequence[Criterion]) -> list[Found | Misfit]:
    """`5 - Fluency`, `3점: 자연스러움`. Where the numbers may be the lines' own, 1, 2, 3, they say nothing."""
    found: list[tuple[Found, bool]] = []
    for place, line in enumerate(lines):
        for one in criteria:
            match = re.match(rf"{_FIRST}(?:{label_pattern(one)})(?![A-Za-z가-힣])\s*(?P<tail>.*)$", line, re.IGNORECASE)
            if not match or match["most"] not in (None, str(one.high)):
                continue
            score = as_score(match["number"])
            tail = re.sub(rf"^[(\[]\s*{one.low}\s*[-~–—]\s*{one.high}\s*[)\]]\s*", "", match["tail"])
            if re.search(r"\d", tail) or (tail and doubt(f". {tail}", score, one)):
                continue
            found.append((Found(one, score, place), bool(match["mark"])))
    numbers = [one.score for one, _ in found]
    counts_up = numbers == list(range(1, len(numbers) + 1)) or numbers == list(range(len(numbers)))
    return [one for one, marked in found if marked or not counts_up]


def _statement(criterion: Criterion, said: Value | Unclear, line: str, place: int) -> Found | Misfit:
    if isinstance(said, Value):
        return Found(criterion, said.score, place)
    return Misfit(criterion, line.strip(), place, said.why, said.firm)
