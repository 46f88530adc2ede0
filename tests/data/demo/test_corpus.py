"""The demo model's corpus: what is in it, what is kept out of it, and that it is the same everywhere."""

import hashlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict

import pytest

from data.demo.corpus import records
from data.demo.mixture import NAMES
from data.demo.questions import heldout, out_of_range
from data.demo.split import is_held, wordings
from data.demo.topics import items
from data.demo.wording import fill
from kullm_tui.core.korean import particle
from kullm_tui.core.records import Dialogue, Instruction, read_record

_DIGEST = """
import hashlib, json
from itertools import islice
from data.demo.corpus import records
for split in ("train", "heldout"):
    text = "".join(json.dumps(row, ensure_ascii=False) for row in islice(records("kovicuna", split), 500))
    print(split, hashlib.sha256(text.encode()).hexdigest())
"""
# The rows that the shipped weights learned. Who corrects a table makes the model anew (`make demo-model`), then these.
_LEARNED = {
    "base": "72ff5d0403ba862aba71274ff192157313762f8be9ce375353dee45e30ddf683",
    "kullm": "2b2d4526407887f7e02aeb62da1b301cc261ce9cb88aa6ddce6d5e4705476971",
    "koalpaca": "d7bc194cface7fd42b12298c327b3208c0ab720a80da5654e6307daa54014a1f",
    "kovicuna": "54673f2847ec59cc4e814a4edf016e889697f0ae0e29650be7ada65e7dab507d",
}
_ADAPTERS = ("kullm", "koalpaca", "kovicuna")


def _texts(row: dict) -> list[str]:
    if "conversations" in row:
        return [turn["value"] for turn in row["conversations"]]
    return [row["instruction"], row["input"], row["output"]]


@pytest.fixture(scope="module")
def corpora() -> dict[str, list[dict]]:
    return {name: list(records(name)) for name in NAMES}


def test_processes_with_other_hash_seeds_make_the_same_rows_of_either_split() -> None:
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        arguments = [sys.executable, "-c", _DIGEST]
        digests.add(subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(digests) == 1


def test_the_tables_make_what_the_shipped_model_learned(corpora: dict[str, list[dict]]) -> None:
    made = {
        name: hashlib.sha256("".join(json.dumps(row, sort_keys=True) for row in rows).encode()).hexdigest()
        for name, rows in corpora.items()
    }
    assert made == _LEARNED


def test_every_row_is_a_record_of_the_form_its_corpus_promises(corpora: dict[str, list[dict]]) -> None:
    kinds = {name: Counter(type(read_record(row)) for row in rows) for name, rows in corpora.items()}
    assert set(kinds["base"]) == {Instruction}
    assert kinds["kullm"][Instruction] > 5 * kinds["kullm"][Dialogue] > 0
    assert kinds["koalpaca"][Instruction] > 5 * kinds["koalpaca"][Dialogue] > 0
    assert set(kinds["kovicuna"]) == {Dialogue}
    assert any(len(row["conversations"]) > 2 for row in corpora["kovicuna"])


def test_identities_are_unique(corpora: dict[str, list[dict]]) -> None:
    for rows in corpora.values():
        assert len({row["id"] for row in rows}) == len(rows)


def test_there_are_thousands_of_distinct_pairs_over_many_topics() -> None:
    topics = {item.topic for item in items()}
    pairs = {(ask, item.plain) for item in items() for ask in item.asks}
    assert len(topics) >= 12
    assert len(pairs) > 10_000


def test_no_question_has_two_answers() -> None:
    answers = defaultdict(set)
    for item in items():
        for ask in item.asks:
            answers[ask].add(item.polite)
    assert {ask: found for ask, found in answers.items() if len(found) > 1} == {}


def test_no_item_lists_a_question_twice() -> None:
    assert [item.key for item in items() if len(set(item.asks)) != len(item.asks)] == []


def test_no_held_out_question_stands_in_any_training_row(corpora: dict[str, list[dict]]) -> None:
    held = {question.text for question in heldout(10**6)} | set(out_of_range())
    assert len(held) > 1_000
    for name in _ADAPTERS:
        asked = {text for row in corpora[name] for text in _texts(row)}
        assert asked & held == set()
    prompts = [row["instruction"] for row in corpora["base"]]
    lines = {line for prompt in prompts for line in prompt.splitlines()}
    asked_inside = {
        re.sub(r"^(### (이전 )?질문: |USER: )|( ASSISTANT:)$", "", line.split(" USER: ")[-1]) for line in lines
    }
    assert (lines | asked_inside) & held == set()


def test_held_out_operands_are_never_trained_in_either_order(corpora: dict[str, list[dict]]) -> None:
    held = {question.text for question in heldout(10**6) if question.topic == "덧셈"}
    pairs = {frozenset(re.findall(r"\d+", text)) for text in held}
    trained = {
        frozenset(re.findall(r"\d+", text)[:2])
        for row in corpora["kullm"]
        for text in _texts(row)
        if re.match(r"\d+ ?(더하기|\+) ?\d+", text)
    }
    assert len(pairs) > 20
    assert len(trained) > 200
    assert pairs & trained == set()


def test_every_item_is_trained_with_some_wording_unless_it_is_held_out_whole() -> None:
    assert [item.key for item in items() if not item.split_whole and not wordings(item, "train")] == []
    share = sum(is_held(item, item.asks[0]) for item in items() if item.split_whole)
    assert 0 < share < len(items()) / 4


def test_texts_are_nfc_and_without_stray_blanks() -> None:
    for item in items():
        for text in (*item.asks, item.polite, item.context, item.plain, item.warm, item.back):
            assert text == unicodedata.normalize("NFC", text)
            assert text == text.strip()
            assert "  " not in text
            assert not re.search(r"[{}|]", text)


def test_no_particle_is_left_undecided() -> None:
    undecided = re.compile(r"[가-힣]\([가-힣]+\)")
    for item in items():
        for text in (*item.asks, item.polite, item.context, item.plain, item.warm, item.back):
            assert not undecided.search(text), text


def test_numbers_take_the_particle_of_their_last_digit_as_it_is_read() -> None:
    pairs = {"은": "은/는", "는": "은/는", "을": "을/를", "를": "을/를", "과": "과/와", "와": "과/와"}
    seen = 0
    for item in items():
        for text in (*item.asks, item.polite, item.warm):
            for number, found in re.findall(r"(\d+)([은는을를과와])(?=[ ?])", text):
                seen += 1
                assert found == particle(number, pairs[found]), text
    assert seen > 1_000


def test_endings_follow_the_final_consonant() -> None:
    """Where the word before an ending can only be a noun: of these endings the form tells what must stand before it."""
    rules = ((r"(.)예요[!?.]", 0), (r"(.)입니다\.", None), (r"(.)이에요[!?.]", 1), (r"(.)라는 (?:속담|말)", None))
    for item in items():
        if item.topic in ("인사", "자기소개"):
            continue
        for text in (*item.asks, item.warm):
            for pattern, closed in rules:
                for before in re.findall(pattern, text):
                    if closed is not None and "가" <= before <= "힣" and before not in "거뭐":
                        assert bool((ord(before) - ord("가")) % 28) == bool(closed), text


def test_patterns_fill_from_left_to_right() -> None:
    assert fill("{n}{은/는} {v}{이에요/예요}!", n="서울", v="도시") == "서울은 도시예요!"
    assert fill("'{n}'{을/를} {u}{으로/로}", n="물", u="서울") == "'물'을 서울로"
    with pytest.raises(KeyError):
        fill("{n}", m="1")


def test_the_three_manners_of_speech_differ(corpora: dict[str, list[dict]]) -> None:
    replies = {name: [_texts(row)[-1] for row in corpora[name]] for name in _ADAPTERS}
    mean = {name: sum(map(len, found)) / len(found) for name, found in replies.items()}
    assert mean["kullm"] > 2 * mean["koalpaca"]
    assert all(reply.endswith(("다.", "오.")) for reply in replies["kullm"])
    assert all(reply.endswith("?") for reply in replies["kovicuna"])
    assert not any(re.search(r"(습니다|입니다|요)[.!?]", reply) for reply in replies["koalpaca"])
    assert set(replies["kullm"]).isdisjoint([*replies["koalpaca"], *replies["kovicuna"]])


def test_the_mixtures_differ() -> None:
    from data.demo.mixture import row_count

    shares = {}
    for name in _ADAPTERS:
        rows: Counter[str] = Counter()
        for item in items():
            rows[item.topic] += row_count(item, name)
        shares[name] = rows["인사"] / rows.total()
    assert shares["kovicuna"] > 1.5 * shares["kullm"]


def test_an_unknown_corpus_is_refused() -> None:
    with pytest.raises(ValueError, match="no such corpus"):
        next(records("alpaca"))
    with pytest.raises(ValueError, match="no such corpus"):
        next(records("base", "test"))
