"""Strengths from comparisons of two: Bradley–Terry, a tie counting half a win for each, with bootstrap intervals.

Comparisons that one vote made are drawn together, since they are one judgement: taken for several, they would make the intervals
narrower than what is known.

A system that won every comparison has no finite strength. Each pair is therefore given one tenth of a tie that nobody played,
which moves a well-measured strength by less than its interval.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from evaluator.statistics import Interval, percentiles
from kullm_tui.core.language import say
from kullm_tui.core.store.votes import Duel

_ROUNDS = 500
_SMALL = 1e-9
_PRIOR = 0.05  # a win for each side of each pair
_RESAMPLES = 300
_SEED = 20231020
_ELO = 400 / math.log(10)
_MIDDLE = 1000.0
# Resampling a few votes knows too little of what they could have been: one vote would have no interval at all.
FEWEST_VOTES, _ENOUGH_VOTES = 10, 30  # for an interval, and for one that is as wide as it should be


@dataclass(frozen=True)
class Comparison:
    left: str
    right: str
    outcome: Literal["left", "right", "tie"]
    vote: int | None = None  # what made it, where that made others too


@dataclass(frozen=True)
class Rating:
    name: str
    elo: float  # 400 points: ten to one; the mean of all is 1000
    interval: Interval
    comparisons: int


def caution(votes: int) -> str:
    """What so few votes make of the intervals, told wherever they are shown; nothing where the votes are enough."""
    if votes < FEWEST_VOTES:
        return say(
            f"표가 {FEWEST_VOTES}개는 모여야 구간을 말할 수 있어요.",
            f"With fewer than {FEWEST_VOTES} votes there is no interval to tell.",
        )
    if votes < _ENOUGH_VOTES:
        return say(
            "표가 적어서 구간이 실제보다 좁게 나와요.", "So few votes make the intervals narrower than they are."
        )
    return ""


def bradley_terry(comparisons: Sequence[Comparison], *, resamples: int = _RESAMPLES, seed: int = _SEED) -> list[Rating]:
    """The strongest first."""
    names = sorted({name for one in comparisons for name in (one.left, one.right)})
    if not names:
        return []
    fitted = _fitted(comparisons, names)
    draw, votes = random.Random(seed).choices, _by_vote(comparisons)
    drawn = [_fitted(list(chain(*draw(votes, k=len(votes)))), names) for _ in range(resamples)]
    ratings = [
        Rating(
            name,
            fitted[name],
            percentiles(sorted(one[name] for one in drawn)),
            sum(name in (one.left, one.right) for one in comparisons),
        )
        for name in names
    ]
    return sorted(ratings, key=lambda rating: -rating.elo)


def rate_duels(duels: Iterable[Duel]) -> list[Rating]:
    """What the user's own votes make of the contestants."""
    return bradley_terry([Comparison(duel.left, duel.right, duel.outcome, duel.vote) for duel in duels])


def _by_vote(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    votes: dict[object, list[Comparison]] = defaultdict(list)
    for number, one in enumerate(comparisons):
        votes[("alone", number) if one.vote is None else one.vote].append(one)
    return list(votes.values())


def _fitted(comparisons: Sequence[Comparison], names: Sequence[str]) -> dict[str, float]:
    """Hunter's MM iteration (2004): strength = wins / Σ games / (own strength + the other's)."""
    games: dict[tuple[str, str], float] = defaultdict(float)
    wins = dict.fromkeys(names, _PRIOR * (len(names) - 1))
    for one in comparisons:
        games[min(one.left, one.right), max(one.left, one.right)] += 1
        wins[one.left] += {"left": 1.0, "tie": 0.5, "right": 0.0}[one.outcome]
        wins[one.right] += {"left": 0.0, "tie": 0.5, "right": 1.0}[one.outcome]
    strength = dict.fromkeys(names, 1.0)
    for _ in range(_ROUNDS):
        before = strength
        strength = (
            {name: wins[name] / _weight(name, names, before, games) for name in names} if len(names) > 1 else before
        )
        middle = math.exp(sum(map(math.log, strength.values())) / len(names))
        strength = {name: value / middle for name, value in strength.items()}
        if max(abs(math.log(strength[name] / before[name])) for name in names) < _SMALL:
            break
    return {name: _MIDDLE + _ELO * math.log(value) for name, value in strength.items()}


def _weight(name: str, names: Sequence[str], strength: dict[str, float], games: dict[tuple[str, str], float]) -> float:
    return sum(
        (games.get((min(name, other), max(name, other)), 0.0) + 2 * _PRIOR) / (strength[name] + strength[other])
        for other in names
        if other != name
    )
