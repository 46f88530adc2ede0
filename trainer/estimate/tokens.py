"""How many tokens a recipe trains on: from the tokenised set where it is in the cache, else from what is recorded of the data set.

The lengths matter three times: their sum for the hours, their share of trained tokens for the head, and the tokens' own view of
them (a token stands in a document of E[n²]/E[n] tokens on average) for attention.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from trainer.built_sets import built_rows
from trainer.estimate.figures import Basis
from trainer.recipe import Recipe, longest_example


@dataclass(frozen=True)
class Lengths:
    """Of the training rows, as cut at the recipe's cutoff."""

    rows: int
    mean: float
    mean_square: float
    longest: int
    trained_share: float  # tokens with a label
    basis: Basis
    documents: float = 1.0  # of a row; a pair has two

    @property
    def tokens(self) -> int:
        return round(self.rows * self.mean)

    @property
    def seen_length(self) -> float:
        """The length of the document that an average token stands in."""
        return self.mean_square / self.mean / self.documents if self.mean else 0.0


@dataclass(frozen=True)
class _Recorded:
    """Log-normal lengths before the cut, fitted to what was recorded of the set."""

    rows: int
    median: float
    spread: float
    trained_share: float
    recorded_cutoff: int  # the cut at which the mean was recorded: elsewhere it is an assumption


# kullm-v2 with its own template and Polyglot's tokenizer: 152,630 rows, 208 tokens on average once cut at 512.
_RECORDED = {
    "nlpai-lab/kullm-v2": _Recorded(152_630, 171.4, 0.72, 0.70, 512),
    # Of this one only the number of rows is known.
    "beomi/koalpaca-v1.1a": _Recorded(21_155, 171.4, 0.72, 0.70, 0),
    # The demo's own, each with its template and the demo's tokenizer.
    "demo:kullm": _Recorded(17_213, 54.95, 0.324, 0.41, 256),
    "demo:koalpaca": _Recorded(18_357, 23.26, 0.419, 0.24, 256),
    "demo:kovicuna": _Recorded(11_274, 71.75, 0.300, 0.35, 256),
}
_ASSUMED = _Recorded(10_000, 171.4, 0.72, 0.70, 0)


def lengths_of(values: Sequence[int], trained_tokens: int, pairs: int = 0) -> Lengths:
    """Of a tokenised set."""
    total = sum(values)
    return Lengths(
        rows=len(values),
        mean=total / max(len(values), 1),
        mean_square=sum(value * value for value in values) / max(len(values), 1),
        longest=max(values, default=0),
        trained_share=trained_tokens / max(total, 1),
        basis="measured",
        documents=1 + pairs / max(len(values), 1),
    )


def recorded_lengths(recipe: Recipe, rows_of: Callable[[str], int | None] = built_rows) -> Lengths:
    """What is known of the data sets by name, and of how many rows `rows_of` knows a source to have."""
    cutoff = recipe.data.cutoff
    documents = longest_example(recipe) // cutoff
    parts = [_part(source, recipe, rows_of) for source in recipe.data.sources]
    count = sum(rows for rows, _ in parts)
    moments = [_cut_moments(facts, cutoff) for _, facts in parts]
    mean = _weighted((rows, mean) for (rows, _), (mean, _) in zip(parts, moments, strict=True))
    mean_square = _weighted((rows, square) for (rows, _), (_, square) in zip(parts, moments, strict=True))
    trained = _weighted(
        (rows * mean, facts.trained_share) for (rows, facts), (mean, _) in zip(parts, moments, strict=True)
    )
    is_recorded = all(facts.recorded_cutoff == cutoff for _, facts in parts) and documents == 1
    return Lengths(
        rows=round(count - _evaluated(recipe, count)),
        mean=documents * mean,
        mean_square=documents**2 * mean_square,
        longest=documents * cutoff,
        trained_share=trained if recipe.data.loss == "output" else 1 - 1 / mean,
        basis="recorded" if is_recorded else "assumed",
        documents=documents,
    )


def _part(source: str, recipe: Recipe, rows_of: Callable[[str], int | None]) -> tuple[int, _Recorded]:
    facts = _RECORDED.get(source.lower(), _ASSUMED)
    count = rows_of(source) or facts.rows
    return min(count, recipe.data.limit) if recipe.data.limit else count, facts


def _weighted(parts: Iterable[tuple[float, float]]) -> float:
    parts = list(parts)
    return sum(weight * value for weight, value in parts) / sum(weight for weight, _ in parts)


def _evaluated(recipe: Recipe, rows: int) -> float:
    """Rows held out for the evaluation; a file of its own takes none away."""
    evaluate = recipe.data.evaluate
    if isinstance(evaluate, str):
        return 0
    return min(evaluate * rows if evaluate < 1 else evaluate, rows)


def _cut_moments(facts: _Recorded, cutoff: int) -> tuple[float, float]:
    """E[n] and E[n²] of min(n, cutoff), by the middle of each of a thousand equal shares."""
    shares = 1000
    lengths = [
        min(facts.median * math.exp(facts.spread * _normal_quantile((share + 0.5) / shares)), cutoff)
        for share in range(shares)
    ]
    return sum(lengths) / shares, sum(length * length for length in lengths) / shares


def _normal_quantile(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)
