"""A rubric with one criterion, whose judge need not name it: `4`, `1: The answer …`, a reason with its score below.

Whoever has one thing to give may call it score, rating or 점수; those words are the criterion's names then.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from evaluator.rubric import Criterion
from evaluator.score_beside import Unclear, Value, bare, value_at_end, value_of
from evaluator.score_doubts import doubt
from evaluator.score_lines import Found, Misfit
from evaluator.score_text import MARK, NUMBER, as_score
from kullm_tui.core.language import say

_NAMES = (
    *("Score", "Rating", "Final Score", "Final Rating", "Overall Score", "Overall Rating", "Answer", "Final Answer", "Grade"),
    *("점수", "평점", "별점", "최종 점수", "총점", "종합 점수", "최종 평점", "평가 점수", "채점 결과", "평가 결과", "평가", "결과"),
)  # fmt: skip
_LIST_ITEM = re.compile(r"\s*(?:[01][.)]|[0-9]{1,2}\))\s")  # a list begins with one
_GIVES = re.compile(
    rf"(?:\b(?:rate|give|assign|award|score|deserves?|earns?|gets?|receives?)\b[^.\n]{{0,60}}?\s(?P<english>{NUMBER})(?:\s*(?:/|out\s+of)\s*(?P<most>\d+))?(?:\s+points?)?\s*[.!]?\s*$)"
    rf"|(?:(?<![\d.])(?P<korean>{NUMBER})\s*{MARK}\s*(?:을|으로|이)?\s*(?:부여|주|드리|드립|줍|평가|매기|매깁|적절|타당|적당|입니|이에)[가-힣\s]*(?:다|요|임|함)\s*[.!]?\s*$)",
    re.IGNORECASE,
)  # fmt: skip
_TAKES_BACK = re.compile(
    r"\bnot\b|n['’]t\b|\bcannot\b|않|없|못|아니|아닌|어렵|\bwould\s+have\b|\bif\b|만약|라면|다면", re.IGNORECASE
)


def as_named(criteria: Sequence[Criterion]) -> tuple[Criterion, ...]:
    """The criteria with every name by which a judge may call them."""
    if len(criteria) != 1:
        return tuple(criteria)
    only = criteria[0]
    given = {name.casefold() for name in (only.name, *only.aliases)}
    return (replace(only, aliases=(*only.aliases, *(name for name in _NAMES if name.casefold() not in given))),)


def single_score(lines: Sequence[str], criterion: Criterion) -> list[Found | Misfit]:
    """The score of a text that names nothing: its whole, its first line, its last, or the one sentence that gives it."""
    said = [(place, line) for place, line in enumerate(lines) if line.strip()]
    if not said:
        return []
    whole = bare(said[0][1], criterion) if len(said) == 1 else None
    if whole:
        return [Found(criterion, whole.score, said[0][0])]
    candidates = [*_opening(said[0], criterion), *_closing(said, criterion), *_given(said, criterion)]
    if len({one.score for one in candidates if isinstance(one, Found)}) > 1:
        return [Misfit(criterion, said[0][1], said[0][0], say("여러 수가 있어요", "several numbers stand there"))]
    return list(candidates)


def _opening(first: tuple[int, str], criterion: Criterion) -> list[Found | Misfit]:
    """A number that opens the text; `1. …` may be the first item of a list."""
    place, line = first
    if _LIST_ITEM.match(line):
        return []
    said = value_of(line.strip(" #-"), criterion)
    if isinstance(said, Unclear):
        return [Misfit(criterion, line, place, said.why)]
    return [Found(criterion, said.score, place)] if said else []


def _closing(said: Sequence[tuple[int, str]], criterion: Criterion) -> list[Found | Misfit]:
    place, line = said[-1]
    value = bare(line, criterion) or value_at_end(line, criterion)
    return [*_after_reason(value, said[:-1], place, criterion)] if value else []


def _given(said: Sequence[tuple[int, str]], criterion: Criterion) -> list[Found | Misfit]:
    found: list[Found | Misfit] = []
    for number, (place, line) in enumerate(said):
        match = _GIVES.search(line)
        if not match or (match["most"] and as_score(match["most"]) != criterion.high):
            continue
        value = Value(as_score(match["english"] or match["korean"]))
        if _TAKES_BACK.search(re.split(r"[.!?]\s", line[: match.end()].strip(" ."))[-1]):
            return [Misfit(criterion, line, place, say("점수를 부정하는 말이 있어요", "the score is negated"))]
        before = line[: match.start("english") if match["english"] else match.start("korean")]
        found += _after_reason(value, [*said[:number], (place, before)], place, criterion)
    return found


def _after_reason(
    value: Value, reason: Sequence[tuple[int, str]], place: int, criterion: Criterion
) -> list[Found | Misfit]:
    for _, line in reason:
        if why := doubt(f". {line}", value.score, criterion):
            return [Misfit(criterion, line, place, why)]
    return [Found(criterion, value.score, place)]
