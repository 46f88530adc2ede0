"""Rows that say what an earlier one says: found, verified, and the earliest kept."""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pytest

from data.folded import folded, folded_row
from data.near_duplicates import MINIMA, NearDuplicates, jaccard, minima, shingle_hashes, sketched
from data.row import Rejection, Row
from tests.data.shared_rows import SharedFile, honest_rows, pair

_SYLLABLES = [chr(code) for code in range(ord("가"), ord("힣"), 11)]


def _words(rng: random.Random, count: int) -> list[str]:
    return ["".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4))) for _ in range(count)]


def _with_words_changed(rng: random.Random, words: Sequence[str], share: float) -> list[str]:
    changed = list(words)
    for at in rng.sample(range(len(words)), round(share * len(words))):
        changed[at] = _words(rng, 1)[0]
    return changed


def _answer(words: Sequence[str]) -> Row:
    return pair("다음을 설명하세요.", " ".join(words))


def _overlap(one: Row, other: Row) -> float:
    """By sets of strings, without a hash."""
    texts = [folded_row(row) for row in (one, other)]
    sets = [{text[at : at + 5] for at in range(max(1, len(text) - 4))} for text in texts]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def _split(step: NearDuplicates, rows: Sequence[Row]) -> tuple[list[Row], list[Rejection]]:
    found = list(step(rows))
    rejected = [one for one in found if isinstance(one, Rejection)]
    assert all(one.reason == "near-duplicate" for one in rejected)
    return [one for one in found if isinstance(one, Row)], rejected


def _planted(rng: random.Random, count: int) -> Iterator[tuple[Row, Row]]:
    """Rows with a copy each in which 0 to 8 % of the words are others."""
    for number in range(count):
        words = _words(rng, rng.randint(20, 300))
        yield _answer(words), _answer(["참고:", *_with_words_changed(rng, words, number % 7 / 100)])


def test_planted_copies_are_found_and_nothing_else() -> None:
    rng = random.Random(5)
    pairs = list(_planted(rng, 600))
    others = [_answer(_words(rng, rng.randint(20, 300))) for _ in range(600)]
    rows = [row for row, _ in pairs] + others + [copy for _, copy in pairs]
    near = {copy.id for row, copy in pairs if _overlap(row, copy) >= 0.8}
    far = {copy.id for row, copy in pairs if _overlap(row, copy) < 0.8}
    assert len(near) > 300
    assert far

    _, rejected = _split(NearDuplicates(), rows)
    found = {one.row.id for one in rejected}
    assert len(found & near) >= 0.99 * len(near)
    assert found <= near


@pytest.mark.shared_data
def test_among_real_rows_every_pair_that_is_found_overlaps(shared_file: SharedFile) -> None:
    rows = list(honest_rows(shared_file))
    by_id = {row.id: row for row in rows}
    _, rejected = _split(NearDuplicates(), rows)
    assert rejected
    assert all(_overlap(one.row, _twin(one, by_id)) >= 0.8 for one in rejected)


@pytest.mark.shared_data
def test_of_all_pairs_of_the_rows_that_stay_none_overlaps(shared_file: SharedFile) -> None:
    kept, _ = _split(NearDuplicates(), list(honest_rows(shared_file))[:600])
    shingles = [sketched(folded_row(row)).shingles for row in kept]
    assert max(jaccard(one, other, 0.8) for one, other in combinations(shingles, 2)) < 0.8


def _twin(found: Rejection, by_id: dict[str, Row]) -> Row:
    return next(row for row_id, row in by_id.items() if row_id in found.detail)


def test_the_minima_are_those_of_datasketch_with_the_same_hashes() -> None:
    from datasketch import MinHash

    rng = random.Random(1)
    for length in (1, 3, 5, 6, 100, 5000):
        shingles = shingle_hashes("".join(rng.choices(_SYLLABLES, k=length)))
        theirs = MinHash(num_perm=MINIMA, seed=1, scheme="affine32", hashfunc=int)
        theirs.update_batch(shingles.tolist())
        assert np.array_equal(minima(shingles), theirs.hashvalues)


def test_shingles_are_counted_like_strings_of_five_letters() -> None:
    rng = random.Random(2)
    for length in (1, 4, 5, 6, 700):
        text = "".join(rng.choices(_SYLLABLES[:40], k=length))
        assert len(shingle_hashes(text)) == len({text[at : at + 5] for at in range(max(1, length - 4))})


def test_case_spacing_and_punctuation_make_no_other_row() -> None:
    row = pair("Seoul은 어떤 도시인가요?", "서울은 대한민국의 수도이고, 한강이 흐릅니다.")
    copy = pair("SEOUL은 어떤 도시 인가요", "서울은 대한민국의 수도이고 한강이 흐릅니다!")
    assert folded(row.texts[0]) == folded(copy.texts[0])
    kept, rejected = _split(NearDuplicates(), [row, copy])
    assert (kept, [one.row for one in rejected]) == ([row], [copy])
    assert row.id in rejected[0].detail


def test_the_earliest_of_a_group_stays() -> None:
    words = _words(random.Random(3), 100)
    group = [_answer([*words, str(number)]) for number in range(5)]
    assert _split(NearDuplicates(), group)[0] == group[:1]
    assert _split(NearDuplicates(), group[::-1])[0] == group[-1:]


def test_rows_without_a_letter_are_never_near_each_other() -> None:
    rows = [pair("?", "###"), pair("!", "###"), pair("…", "")]
    assert _split(NearDuplicates(), rows)[0] == rows


def test_two_processes_say_what_one_says_in_the_same_order() -> None:
    rng = random.Random(4)
    rows = [row for two in _planted(rng, 700) for row in two]
    assert list(NearDuplicates(workers=2)(rows)) == list(NearDuplicates()(rows))


def test_rows_are_asked_for_as_they_are_needed() -> None:
    asked = []

    def rows() -> Iterator[Row]:
        for number in range(100_000):
            asked.append(number)
            yield pair("수", str(number))

    first = next(iter(NearDuplicates(workers=1)(rows())))
    assert isinstance(first, Row)
    assert len(asked) < 5_000
