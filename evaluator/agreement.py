"""Do raters agree: Krippendorff's alpha, which allows for chance, for missing ratings and for any number of raters."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluator.rubric import Rubric
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

Level = Literal["nominal", "ordinal", "interval"]
Ratings = Mapping[str, Sequence[float]]  # unit → what each of its raters gave
Place = tuple[str, str]  # a system and a question
Scores = Mapping[str, int]  # by the criterion's name


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha, ordinal: of people with the judge as one more rater, and of people alone."""

    with_judge: float | None
    people: float | None
    items: int  # that people and the judge have both rated


def agreement(criterion: str, verdicts: Mapping[Place, Scores], people: Mapping[Place, Sequence[Scores]]) -> Agreement:
    rated = {place: [one[criterion] for one in given if criterion in one] for place, given in people.items()}
    both = [[*given, verdicts[place][criterion]] for place, given in rated.items() if given and place in verdicts]
    return Agreement(krippendorff(both), krippendorff(rated.values()), len(both))


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


def read_ratings(lines: Iterable[str], rubric: Rubric) -> dict[Place, list[Scores]]:
    """People's ratings from JSON lines, `{id, model, rater, scores: {criterion: number}}` → by model and question."""
    ratings: dict[Place, list[Scores]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            scores = {one.name: row["scores"][one.name] for one in rubric.criteria if one.name in row["scores"]}
            place = (str(row.get("model", "")), str(row["id"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KullmError(
                say(
                    f"{number}행: id, model, scores가 있는 JSON이어야 합니다({error}).",
                    f"line {number} must be JSON with id, model and scores ({error}).",
                )
            ) from error
        outside = [
            one.name
            for one in rubric.criteria
            if one.name in scores and not (type(scores[one.name]) is int and one.low <= scores[one.name] <= one.high)
        ]
        if outside:
            raise KullmError(
                say(
                    f"{number}행: {outside[0]} 점수가 범위 밖입니다.",
                    f"line {number}: {outside[0]} is outside its range.",
                )
            )
        ratings[place].append(scores)
    return dict(ratings)
