"""Do raters agree: Krippendorff's alpha, which allows for chance, for missing ratings and for any number of raters."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evaluator.rubric import Rubric
from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

Level = Literal["nominal", "ordinal", "interval"]
Ratings = Mapping[str, Sequence[float]]  # unit → what each of its raters gave
AnswerKey = tuple[str, str]  # a system and a question
Scores = Mapping[str, float]  # by the criterion's name
People = Mapping[AnswerKey, Mapping[str, Scores]]  # by rater


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha, ordinal, on the items that people and the judge have both rated."""

    with_judge: float | None  # of the judge with each rater alone, on the average: more raters do not hide a judge
    people: float | None
    items: int
    raters: int


def agreement(criterion: str, verdicts: Mapping[AnswerKey, Scores], people: People) -> Agreement:
    given: dict[AnswerKey, dict[str, float]] = {}
    for place, raters in people.items():
        scores = {rater: one[criterion] for rater, one in raters.items() if criterion in one}
        if scores and place in verdicts:
            given[place] = scores
    names = sorted({rater for scores in given.values() for rater in scores})
    alone = [_with_judge(rater, criterion, verdicts, given) for rater in names]
    known = [alpha for alpha in alone if alpha is not None]
    among = krippendorff(list(scores.values()) for scores in given.values())
    return Agreement(sum(known) / len(known) if known else None, among, len(given), len(names))


def _with_judge(
    rater: str, criterion: str, verdicts: Mapping[AnswerKey, Scores], given: Mapping[AnswerKey, Scores]
) -> float | None:
    return krippendorff(
        (scores[rater], verdicts[place][criterion]) for place, scores in given.items() if rater in scores
    )


def krippendorff(units: Iterable[Sequence[float]], level: Level = "ordinal") -> float | None:
    """1: agreement, 0: chance (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"); None: nothing to compare."""
    paired = [unit for unit in units if len(unit) > 1]
    totals = Counter(value for unit in paired for value in unit)
    count = sum(totals.values())
    if not count:
        return None
    distance = _distance(level, totals)
    observed = sum(
        distance(one, other) / (len(unit) - 1)
        for unit in paired
        for place, one in enumerate(unit)
        for other_place, other in enumerate(unit)
        if place != other_place
    )
    expected = sum(totals[one] * totals[other] * distance(one, other) for one in totals for other in totals)
    return 1.0 if not expected else 1.0 - observed * (count - 1) / expected


def _distance(level: Level, totals: Mapping[float, int]) -> Callable[[float, float], float]:
    if level == "nominal":
        return lambda one, other: float(one != other)
    if level == "interval":
        return lambda one, other: (one - other) ** 2

    def ordinal(one: float, other: float) -> float:
        low, high = min(one, other), max(one, other)
        between = sum(times for value, times in totals.items() if low <= value <= high)
        return float((between - (totals[low] + totals[high]) / 2) ** 2)

    return ordinal


def read_ratings(lines: Iterable[str], rubric: Rubric) -> dict[AnswerKey, dict[str, Scores]]:
    """People's ratings from JSON lines, `{id, model, rater, scores: {criterion: number}}`; whoever has no name is one rater."""
    ratings: dict[AnswerKey, dict[str, Scores]] = defaultdict(dict)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = foreign_json.parsed(line)
            scores, place = dict(row["scores"]), (str(row.get("model", "")), str(row["id"]))
            rater = str(row.get("rater") or "")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KullmError(
                say(
                    f"{number}행: id, model, scores가 있는 JSON이어야 해요({cause_of(error)}).",
                    f"line {number} must be JSON with id, model and scores ({error}).",
                )
            ) from error
        fault = _scores_fault(scores, rubric)
        if rater in ratings[place]:
            fault = say(
                f"{rater or '이름 없는 사람'}의 점수가 이 답에 두 번 나와요",
                f"{rater or 'nobody'} rates this answer twice",
            )
        if fault:
            raise KullmError(say(f"{number}행: {fault}.", f"line {number}: {fault}."))
        ratings[place][rater] = scores
    return dict(ratings)


def _scores_fault(scores: Mapping[str, Any], rubric: Rubric) -> str:
    known = {one.name: one for one in rubric.criteria}
    for name, score in scores.items():
        one = known.get(name)
        if one is None:
            names = ", ".join(known)
            return say(
                f"{name}: 이 채점 기준에 없는 이름이에요({names})", f"{name} is no criterion of the rubric ({names})"
            )
        if isinstance(score, bool) or score not in one.choices:
            return say(f"{name} 점수가 범위 밖이에요", f"{name} is outside its range")
    return ""
