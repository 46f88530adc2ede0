"""Several judges of the same answers as one panel: its table, how far its judges agree, and how severe and how steady each of them is.

The judges' runs must be of the same questions, rubric and systems. A mean rests on the answers that every judge scored; how many
others there are is counted. A judge that was asked several times counts with the mean of what it said.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from evaluator.agreement import AnswerKey, Scores, krippendorff
from evaluator.evaluation import Evaluation, SystemResult
from evaluator.panel_mean import PanelMean, own_deviation, panel_mean, spread_of
from evaluator.rubric import Criterion, Rubric
from evaluator.statistics import Interval, holm
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

Said = Mapping[AnswerKey, Sequence[Scores]]  # by one judge of each answer, asking by asking


@dataclass(frozen=True)
class Judging:
    """One judge's run, as it is kept."""

    number: int
    evaluation: Evaluation
    results: Sequence[SystemResult]


@dataclass(frozen=True)
class PanelRow:
    system: str
    means: Mapping[str, PanelMean]  # by the criterion's name; empty where no answer has every judge's scores
    items: int
    left_out: int  # answers that some judge scored, and not every one


@dataclass(frozen=True)
class PanelPair:
    """The mean of A less that of B, by the rubric's last criterion, on the questions where every judge scored both."""

    a: str
    b: str
    difference: PanelMean
    p_among_all: float | None


@dataclass(frozen=True)
class Concord:
    """Of the panel, by one criterion."""

    alpha: float | None  # Krippendorff's, ordinal, of each judge's first verdicts
    between_judges: float | None  # standard deviation; None for one judge, or fewer than two answers
    answers: int


@dataclass(frozen=True)
class Manner:
    """Of one judge, by one criterion."""

    leniency: float | None  # its mean less the panel's, below 0 for a severe judge; None where no answer has all scores
    own_deviation: float | None  # from one asking to the next; None where it was asked once
    alpha: float | None  # Krippendorff's, ordinal, between its askings


@dataclass(frozen=True)
class Panel:
    set_name: str
    rubric: Rubric
    judges: tuple[str, ...]
    rows: tuple[PanelRow, ...]
    pairs: tuple[PanelPair, ...]
    concord: Mapping[str, Concord]  # by the criterion's name
    manners: Mapping[str, Mapping[str, Manner]]  # by the judge, then by the criterion's name


def panel_of(judgings: Sequence[Judging]) -> Panel:
    """UsageError where the runs are not of the same answers by the same rubric."""
    _require_alike(judgings)
    first = judgings[0].evaluation
    said = {name: _said(one.results) for name, one in zip(_names(judgings), judgings, strict=True)}
    shared = set.intersection(*(set(one) for one in said.values()))
    systems = [one.name for one in first.systems]
    criteria = first.rubric.criteria
    return Panel(
        first.questions.name,
        first.rubric,
        tuple(said),
        tuple(_row(name, criteria, said, shared) for name in systems),
        _pairs(systems, criteria[-1], said, shared),
        {one.name: _concord(one, said, shared) for one in criteria},
        {judge: {one.name: _manner(judge, one, said, shared) for one in criteria} for judge in said},
    )


def _require_alike(judgings: Sequence[Judging]) -> None:
    first = judgings[0]
    numbers = [one.number for one in judgings]
    for one in judgings[1:]:
        kind = _what_differs(first.evaluation, one.evaluation)
        if kind:
            raise UsageError(
                say(
                    f"평가 {first.number}번과 {one.number}번은 {kind} 다르니 한 패널로 묶을 수 없어요.",
                    f"evaluations {first.number} and {one.number} differ in their {kind}: they are no panel.",
                )
            )
    if twice := next((number for number in numbers if numbers.count(number) > 1), None):
        raise UsageError(say(f"평가 {twice}번이 두 번 나와요.", f"evaluation {twice} is named twice."))
    if nobody := next((one.number for one in judgings if not one.evaluation.judge.model), None):
        raise UsageError(say(f"평가 {nobody}번에는 채점자가 없어요.", f"evaluation {nobody} has no judge."))


def _what_differs(one: Evaluation, other: Evaluation) -> str:
    if one.questions.sha256 != other.questions.sha256:
        return say("질문 모음이", "questions")
    if one.rubric.sha256 != other.rubric.sha256:
        return say("채점 기준이", "rubric")
    if {system.name: system for system in one.systems} != {system.name: system for system in other.systems}:
        return say("시스템(또는 그 답)이", "systems, or in what answered under their names")
    return ""


def _names(judgings: Sequence[Judging]) -> list[str]:
    """Each judge's model; with its run's number where another has the same."""
    models = [one.evaluation.judge.model for one in judgings]
    return [
        model if models.count(model) == 1 else f"{model} #{one.number}"
        for model, one in zip(models, judgings, strict=True)
    ]


def _said(results: Sequence[SystemResult]) -> Said:
    return {
        (one.system.name, question): verdict.askings
        for one in results
        for question, verdict in one.verdicts.items()
        if verdict.status == "ok"
    }


def _row(system: str, criteria: Sequence[Criterion], said: Mapping[str, Said], shared: set[AnswerKey]) -> PanelRow:
    own = sorted(place for place in shared if place[0] == system)
    some = {place for one in said.values() for place in one if place[0] == system}
    means = {
        one.name: panel_mean(_cells(own, one, said), within=Interval(one.low, one.high)) for one in criteria if own
    }
    return PanelRow(system, means, len(own), len(some) - len(own))


def _pairs(
    systems: Sequence[str], last: Criterion, said: Mapping[str, Said], shared: set[AnswerKey]
) -> tuple[PanelPair, ...]:
    furthest = last.high - last.low
    found = []
    for a, b in combinations(systems, 2):
        both = sorted(question for name, question in shared if name == a and (b, question) in shared)
        if not both:
            continue
        of_a, of_b = (_cells([(name, one) for one in both], last, said) for name in (a, b))
        cells = [[x - y for x, y in zip(*rows, strict=True)] for rows in zip(of_a, of_b, strict=True)]
        found.append(PanelPair(a, b, panel_mean(cells, within=Interval(-furthest, furthest)), None))
    tested = [one for one in found if one.difference.p is not None]
    corrected = iter(holm([one.difference.p for one in tested if one.difference.p is not None]))
    return tuple(replace(one, p_among_all=next(corrected)) if one in tested else one for one in found)


def _concord(criterion: Criterion, said: Mapping[str, Said], shared: set[AnswerKey]) -> Concord:
    places = sorted(shared)
    firsts = [[one[place][0][criterion.name] for one in said.values()] for place in places]
    spread = spread_of(_cells(places, criterion, said)) if len(said) > 1 else None
    between = math.sqrt(spread.between_judges) if spread else None
    return Concord(krippendorff(firsts), between, len(places))


def _manner(judge: str, criterion: Criterion, said: Mapping[str, Said], shared: set[AnswerKey]) -> Manner:
    cells = _cells(sorted(shared), criterion, said)
    place = list(said).index(judge)
    repeats = [[scores[criterion.name] for scores in askings] for askings in said[judge].values()]
    leniency = _mean([row[place] - _mean(row) for row in cells]) if cells else None
    return Manner(leniency, own_deviation(repeats), krippendorff(repeats))


def _cells(places: Sequence[AnswerKey], criterion: Criterion, said: Mapping[str, Said]) -> list[list[float]]:
    """Answers × judges."""
    return [[_mean([scores[criterion.name] for scores in one[place]]) for one in said.values()] for place in places]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
