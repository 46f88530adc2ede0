"""How many half-translated answers the two filters find, counted apart, and how many honest ones they take for such."""

import random
from collections.abc import Callable

import pytest

from data.filters.paper import PaperFilter
from data.filters.strict import StrictFilter
from data.row import Rejection, Row
from tests.data.filters.mixed import (
    by_clause,
    by_sentence,
    english_sentences,
    half_translated,
    honest,
    korean_sentences,
)
from tests.data.shared_rows import SharedFile

pytestmark = pytest.mark.shared_data
_ROWS = 500
_OF_LANGUAGE = {"hangul-ratio", "english-sentences", "english-clauses"}


def _rejected(step: Callable[[Row], Row | Rejection], rows: list[Row]) -> list[str]:
    return [found.reason for found in map(step, rows) if isinstance(found, Rejection)]


@pytest.mark.parametrize(("pieces", "least"), [(by_sentence, 0.99), (by_clause, 0.95)])
def test_half_translated_answers_are_found_by_the_strict_filter_and_not_by_the_papers(
    shared_file: SharedFile, pieces: Callable[[str], list[str]], least: float
) -> None:
    korean, english = korean_sentences(shared_file), english_sentences(shared_file)
    rng = random.Random(17)
    made = [half_translated(rng, korean, english, pieces) for _ in range(_ROWS)]
    rows = [row for row, _ in made]
    assert min(share for _, share in made) < 0.4
    assert max(share for _, share in made) > 0.8

    by_strict = _rejected(StrictFilter(), rows)
    assert len(by_strict) >= least * _ROWS
    assert set(by_strict) <= _OF_LANGUAGE
    assert len(_rejected(PaperFilter(), rows)) <= 0.01 * _ROWS


def test_korean_with_code_names_and_units_is_kept(shared_file: SharedFile) -> None:
    korean, rng = korean_sentences(shared_file), random.Random(17)
    rows = [honest(rng, korean) for _ in range(_ROWS)]
    assert len(_rejected(StrictFilter(), rows)) <= 0.002 * _ROWS
    assert _rejected(PaperFilter(), rows) == []
