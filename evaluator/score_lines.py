"""Lines such as `- 이해 가능성 (0 - 1): 1` in free text: where a criterion is named, and the score that stands beside it.

What stands there must be one whole number and nothing that could make it another: `3.5`, `3-4`, `3/10`, `5점 만점에 4점` and
`3 가지` are no scores. In doubt a line is a Misfit, never a score: an unread verdict is asked about, a wrong one is believed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from evaluator.rubric import Criterion

# What markdown and quoting put around labels and numbers.
_DECORATION = re.compile(r"[*`\"'“”‘’]|__")
# Fullwidth forms, as a Korean keyboard writes them, to ASCII.
_NARROW = {0xFF01 + offset: 0x21 + offset for offset in range(94)} | {ord("〜"): ord("~"), 0x3000: ord(" ")}

_SCORE_WORD = r"(?:점수|평점|score|rating)"
_MARK = r"(?:점|points?\b)"
_NUMBER = r"(?:0|[1-9][0-9]{0,2})"
# Where a label may begin: a line, past bullets and numbering, or after a separator within a line.
_HEAD = r"(?:^[\s\-•·#|\[{(]*(?:\(?[0-9]{1,2}[.)]\s*)?|[,;|/·.]\s*)"
_AFTER_LABEL = re.compile(
    rf"""(?:\s*{_SCORE_WORD})?
    (?P<brackets>(?:\s*[(\[][^()\[\]]*[)\]]){{0,3}}+)
    (?:\s*{_SCORE_WORD})?
    (?P<separator>\s*(?:[:=|]|->|=>|→)\s*|\s+[-–—]\s+|\s*[은는]\s+|\s*)
    (?P<column>[0-9]+\s*[-~–—]\s*[0-9]+\s*\|\s*)?
    (?:{_SCORE_WORD}\s*[:=]?\s*)?
    (?P<opening>[(\[]\s*)?
    (?P<number>{_NUMBER})
    (?P<mark>\s*{_MARK})?
    (?:\s*(?:/|out\s+of)\s*(?P<most>[0-9]{{1,3}})\s*점?)?
    (?:\s*[(\[]\s*(?P<full>[0-9]{{1,3}})\s*점?\s*만점\s*[)\]])?
    (?P<tail>.*)$""",
    re.VERBOSE | re.IGNORECASE,
)
# What may follow a score: nothing, the sentence's end, or an explanation set apart; never another number.
_HARMLESS_TAIL = re.compile(r"\s*(?:$|입니다|이다|(?:[.;,:)\]}|(]|\s[-–—])(?!\s*\d))")
_RANGE = re.compile(
    r"([0-9]{1,3})\s*점?\s*(?:[-~–—,/]|to|or|또는|에서)\s*([0-9]{1,3})\s*점?(?:\s*(?:까지|사이|scale))?", re.IGNORECASE
)
_MOST = re.compile(
    r"(?:(?:out\s+of|max(?:imum)?|최대|/)\s*:?\s*([0-9]{1,3})점?|([0-9]{1,3})\s*점?\s*만점)", re.IGNORECASE
)
_BRACKET = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_BARE = re.compile(
    rf"[\s\-•·]*(?:{_SCORE_WORD}\s*[:=]?\s*)?(?P<number>{_NUMBER})\s*{_MARK}?(?:\s*/\s*(?P<most>[0-9]{{1,3}})점?)?\s*\.?",
    re.IGNORECASE,
)
_EMPTY_AFTER_LABEL = re.compile(
    rf"(?:\s*{_SCORE_WORD})?(?P<brackets>(?:\s*[(\[][^()\[\]]*[)\]]){{0,3}}+)\s*[:=]?\s*$", re.I
)


@dataclass(frozen=True)
class Found:
    criterion: Criterion
    score: int


@dataclass(frozen=True)
class Misfit:
    """A criterion with something beside it that is no score in the rubric's form."""

    criterion: Criterion
    line: str


def statements(text: str, criteria: Sequence[Criterion]) -> list[Found | Misfit]:
    """Every place of the text that gives, or tries to give, a criterion its score."""
    lines = [_DECORATION.sub("", line.translate(_NARROW)) for line in text.splitlines()]
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith(">")]  # a quotation says nothing
    found: list[Found | Misfit] = []
    for place, line in enumerate(lines):
        following = lines[place + 1] if place + 1 < len(lines) else ""
        found += _in_line(line, following, criteria)
    return found + list(_in_tables(lines, criteria))


def bare_score(text: str, criterion: Criterion) -> int | None:
    """A text that is one number and nothing else, as a judge with a single criterion answers."""
    match = _BARE.fullmatch(_DECORATION.sub("", text.translate(_NARROW)).strip())
    return int(match["number"]) if match and match["most"] in (None, str(criterion.high)) else None


@cache
def label_pattern(criterion: Criterion) -> str:
    """Any of its names, however they are spaced."""
    names = sorted((criterion.name, *criterion.aliases), key=len, reverse=True)
    return "|".join(r"[\s_]*".join(map(re.escape, name.split())) for name in names)


def _in_line(line: str, following: str, criteria: Sequence[Criterion]) -> Iterator[Found | Misfit]:
    for criterion in criteria:
        for label in re.finditer(rf"{_HEAD}(?:{label_pattern(criterion)})(?![A-Za-z])", line, re.IGNORECASE):
            rest = line[label.end() :]
            said = _AFTER_LABEL.match(rest)
            if said:
                yield _read(criterion, said, line)
            elif (empty := _EMPTY_AFTER_LABEL.match(rest)) and (below := _BARE.fullmatch(following)):
                fits = _brackets_fit(empty["brackets"], criterion) and below["most"] in (None, str(criterion.high))
                yield Found(criterion, int(below["number"])) if fits else Misfit(criterion, line)


def _read(criterion: Criterion, said: re.Match[str], line: str) -> Found | Misfit:
    separator = said["separator"].strip()
    ends_there = not said["tail"].strip()
    set_apart = bool(
        (separator and separator not in "은는")
        or (separator and said["mark"])
        or said["brackets"]
        or (said["separator"] and ends_there)
    )
    fits = (
        set_apart
        and _brackets_fit(said["brackets"], criterion)
        and (said["column"] is None or _range_fits(said["column"].rstrip("| "), criterion))
        and all(said[name] in (None, str(criterion.high)) for name in ("most", "full"))
        and _HARMLESS_TAIL.match(said["tail"])
        and (said["opening"] is None) == (not said["tail"].lstrip().startswith((")", "]")))
    )
    return Found(criterion, int(said["number"])) if fits else Misfit(criterion, line.strip())


def _brackets_fit(brackets: str, criterion: Criterion) -> bool:
    return all(_range_fits(inside.strip(), criterion) for inside in _BRACKET.findall(brackets))


def _range_fits(text: str, criterion: Criterion) -> bool:
    """A judge that names another range has judged on another scale. Words without digits are only a translation."""
    if span := _RANGE.fullmatch(text):
        return (int(span[1]), int(span[2])) == (criterion.low, criterion.high)
    if most := _MOST.fullmatch(text):
        return int(most[1] or most[2]) == criterion.high
    return not re.search(r"\d", text)


def _in_tables(lines: Sequence[str], criteria: Sequence[Criterion]) -> Iterator[Found | Misfit]:
    """A header of criteria, a rule, and one row of scores."""
    for place in range(len(lines) - 2):
        header, rule, row = (_cells(line) for line in lines[place : place + 3])
        if len(header) != len(row) or not rule or not all(re.fullmatch(r":?-+:?", cell) for cell in rule):
            continue
        for criterion in criteria:
            label = re.compile(rf"(?:{label_pattern(criterion)})(?P<brackets>(?:\s*[(\[][^()\[\]]*[)\]])*)", re.I)
            for column, cell in enumerate(header):
                if match := label.fullmatch(cell):
                    yield _in_cell(criterion, match["brackets"], row[column])


def _in_cell(criterion: Criterion, brackets: str, cell: str) -> Found | Misfit:
    score = bare_score(cell, criterion)
    fits = score is not None and _brackets_fit(brackets, criterion)
    return Found(criterion, score) if fits and score is not None else Misfit(criterion, cell)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
