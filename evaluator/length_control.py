"""A win rate with the pull of length taken out, as in AlpacaEval 2 (Dubois et al. 2024, arXiv 2404.04475).

    P(A wins) = σ(θ + φ · tanh(Δ / s))      Δ: how much longer A's answer is than the baseline's, s: the spread of Δ

Fitted to the outcomes, a tie being half a win. With the length term gone, σ(θ) is how often A would win if both were as long. What is
left out of the original is its term for how hard a question is, which takes many systems' outcomes to know.
"""

import math
import random
from collections.abc import Sequence

from evaluator.statistics import Interval, percentiles

_SEED = 20240406
_RESAMPLES = 400
_ROUNDS = 50
_SMALL = 1e-9
# Games that nobody played, half won and half lost, at either end of the length term: so that θ and φ are finite where one side
# always wins, or the longer one always does.
_PRIOR = 0.25
_IMAGINED = ((-1.0, 0.5, 2 * _PRIOR), (1.0, 0.5, 2 * _PRIOR))

# The length term, the outcome (1 won, 0.5 a tie, 0 lost), and how often it counts.
Observation = tuple[float, float, float]


def controlled_rate(
    outcomes: Sequence[float], longer_by: Sequence[int], *, resamples: int = _RESAMPLES, seed: int = _SEED
) -> tuple[float, Interval]:
    """The rate at equal length, with the 95 % interval of resampled questions."""
    terms = length_terms(longer_by)
    rate, slope = _fitted(_counted(terms, outcomes, [1] * len(terms)), (0.0, 0.0))
    draw = random.Random(seed).choices
    everything = range(len(terms))
    drawn = []
    for _ in range(resamples):
        counts = [0] * len(terms)
        for place in draw(everything, k=len(terms)):
            counts[place] += 1
        drawn.append(_sigmoid(_fitted(_counted(terms, outcomes, counts), (rate, slope))[0]))
    return _sigmoid(rate), percentiles(sorted(drawn))


def length_terms(longer_by: Sequence[int]) -> list[float]:
    """tanh(Δ / s): that an answer is a little longer counts in proportion, that it is very much longer hardly more."""
    mean = sum(longer_by) / len(longer_by)
    spread = math.sqrt(sum((one - mean) ** 2 for one in longer_by) / len(longer_by))
    return [math.tanh(one / spread) if spread else 0.0 for one in longer_by]


def fit(terms: Sequence[float], outcomes: Sequence[float]) -> tuple[float, float]:
    """θ and φ."""
    return _fitted(_counted(terms, outcomes, [1] * len(terms)), (0.0, 0.0))


def _counted(terms: Sequence[float], outcomes: Sequence[float], counts: Sequence[int]) -> list[Observation]:
    seen = zip(terms, outcomes, counts, strict=True)
    return [*_IMAGINED, *((term, outcome, float(times)) for term, outcome, times in seen if times)]


def _fitted(observations: Sequence[Observation], start: tuple[float, float]) -> tuple[float, float]:
    """Newton's iteration on the log-likelihood, which is concave; a step that overshoots is halved."""
    theta, phi = start
    likelihood = _likelihood(observations, theta, phi)
    for _ in range(_ROUNDS):
        step_theta, step_phi = _newton_step(observations, theta, phi)
        while (now := _likelihood(observations, theta + step_theta, phi + step_phi)) < likelihood - _SMALL:
            step_theta, step_phi = step_theta / 2, step_phi / 2
        theta, phi, likelihood = theta + step_theta, phi + step_phi, now
        if abs(step_theta) + abs(step_phi) < _SMALL:
            break
    return theta, phi


def _newton_step(observations: Sequence[Observation], theta: float, phi: float) -> tuple[float, float]:
    """Gradient over Hessian: the 2 × 2 system solved by hand."""
    g0 = g1 = h00 = h01 = h11 = 0.0
    for term, outcome, times in observations:
        expected = _sigmoid(theta + phi * term)
        residue, weight = times * (outcome - expected), times * expected * (1 - expected)
        g0, g1 = g0 + residue, g1 + residue * term
        h00, h01, h11 = h00 + weight, h01 + weight * term, h11 + weight * term * term
    determinant = h00 * h11 - h01 * h01
    return (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant


def _likelihood(observations: Sequence[Observation], theta: float, phi: float) -> float:
    total = 0.0
    for term, outcome, times in observations:
        logit = theta + phi * term
        total += times * (outcome * logit - max(logit, 0.0) - math.log1p(math.exp(-abs(logit))))
    return total


def _sigmoid(logit: float) -> float:
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1 + odds)
