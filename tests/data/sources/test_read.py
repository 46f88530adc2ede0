"""Rows of real and of hostile files, and of the app itself, each with its place; nothing is lost without a word."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.row import Row
from data.sources.catalogue import Source, file_source, sources
from data.sources.read import Fault, read
from kullm_tui.core.endpoints.endpoint import Finished
from kullm_tui.core.records import Message
from kullm_tui.core.store.comparisons import Contestant
from kullm_tui.core.store.journal import FinalState, ReplySource
from kullm_tui.core.store.store import Store

SharedFile = Callable[[str], Path]


def split(pieces: Iterator[Row | Fault]) -> tuple[list[Row], Counter[str]]:
    both = list(pieces)
    return (
        [one for one in both if isinstance(one, Row)],
        Counter(one.reason for one in both if isinstance(one, Fault)),
    )


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "form", "columns", "rows", "conversations"),
    [
        ("alpaca_gpt4/alpaca_en_demo.json", "alpaca", {}, 999, 0),
        ("alpaca/alpaca_tiny.json", "alpaca", {}, 100, 0),
        ("sharegpt/dummy_conversation.json", "sharegpt", {}, 1000, 0),
        ("sharegpt/dummy_conversation.json", "sharegpt-conversations", {}, 500, 333),
        ("oasst/en_100_tree.jsonl", "oasst", {}, 100, 42),
        ("flan/cot_strategyqa_train.tsv", "flan-cot", {}, 2061, 0),
        ("p3/ag_news_classify.jsonl", "p3", {}, 200, 0),
        ("self_instruct/seed_tasks.jsonl", "self-instruct", {}, 175, 0),
        ("self_instruct/user_oriented_instructions.en.jsonl", "self-instruct", {}, 252, 0),
        ("kullm/user_oriented_instructions_eval.ko.jsonl", "self-instruct", {}, 252, 0),
        ("self_instruct/text-davinci-003_predictions.jsonl", "columns", {"output": "response"}, 252, 0),
        ("komt/nlpai-lab-kullm-polyglot-12.8b-v2.jsonl", "columns", {"output": "answer"}, 37, 0),
        ("kobest/BoolQ.test.tsv", "columns", {"instruction": "Question", "input": "Text", "output": "Answer"}, 1404, 0),
        ("kobest/WiC.test.tsv", "columns", {"instruction": "SENTENCE1", "output": "ANSWER"}, 1260, 0),
    ],
)
def test_every_row_of_the_real_files_is_read(
    shared_file: SharedFile, file: str, form: str, columns: dict[str, str], rows: int, conversations: int
) -> None:
    source = file_source(shared_file(file), form=form, columns=columns)
    found, faults = split(read(source))
    assert faults == {}
    assert len(found) == rows
    assert sum(not row.is_pair for row in found) == conversations
    assert all(row.place.startswith(Path(file).name) for row in found)
    assert len({row.place for row in found}) == rows
    assert found == split(read(source))[0]


@pytest.mark.shared_data
def test_the_real_files_broken_in_the_middle_lose_what_is_broken_alone(shared_file: SharedFile, tmp_path: Path) -> None:
    content = shared_file("alpaca_gpt4/alpaca_en_demo.json").read_bytes()
    path = tmp_path / "broken.json"
    at = content.index(b'"instruction"', 400_000)
    path.write_bytes(content[:at] + content[at + 14 :])
    rows, faults = split(read(file_source(path, form="alpaca")))
    assert (len(rows), faults) == (998, {"unreadable": 1})


def test_hostile_files_are_reported_with_file_and_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = {"instruction": "수도는?", "output": "서울"}
    lines = [
        json.dumps(good, ensure_ascii=False).encode(),
        b"{",
        json.dumps(good, ensure_ascii=False).encode("cp949"),
        b'{"instruction": "a\\u0000b", "output": "c"}',
        b'{"instruction": "a", "output": "\\ud83d"}',
        b'{"instruction": "a"}',
        b'{"instruction": "a", "output": ["b"]}',
        b'{"instruction": "a", "output": {"b": 1}}',
        b'{"instruction": " ", "output": "c"}',
        json.dumps({**good, "output": "a" * 10_000_000}).encode(),
        json.dumps({**good, "output": "각"}, ensure_ascii=False).encode(),
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    (tmp_path / "b.jsonl").write_bytes(b"")
    (tmp_path / "c.jsonl").write_bytes(lines[0])
    source = Source(name="mine", title="mine", files=tuple(str(tmp_path / f"{name}.jsonl") for name in "abc"))
    pieces = list(read(source))
    assert [(one.place, one.reason) for one in pieces if isinstance(one, Fault)] == [
        ("a.jsonl:2", "unreadable"),
        ("a.jsonl:3", "unreadable"),
        ("a.jsonl:4", "nul"),
        ("a.jsonl:5", "half-character"),
        ("a.jsonl:6", "columns"),
        ("a.jsonl:8", "columns"),
        ("a.jsonl:9", "empty"),
        ("b.jsonl", "empty-file"),
    ]
    rows = [one for one in pieces if isinstance(one, Row)]
    assert [row.place for row in rows] == ["a.jsonl:1", "a.jsonl:7", "a.jsonl:10", "a.jsonl:11", "c.jsonl:1"]
    assert rows[3].texts[1] == "각"  # composed where it came in
    assert rows[0].id == rows[4].id  # of its content, wherever it stood
    assert all(row.source == "mine" for row in rows)


def test_rows_of_one_object_have_places_of_their_own(tmp_path: Path) -> None:
    turns = [{"from": who, "value": text} for who, text in zip(["human", "gpt"] * 2, "1234", strict=True)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"conversations": turns}, {"conversations": turns[:1]}]))
    pieces = list(read(file_source(path, form="sharegpt")))
    assert [(type(one), one.place) for one in pieces] == [
        (Row, "a.json:1"),
        (Row, "a.json:1.2"),
        (Fault, "a.json:1#2"),
    ]


def test_the_examples_that_come_along_are_a_source_of_the_number_that_is_said() -> None:
    rows, faults = split(read(sources()["demo"]))
    assert faults == {}
    assert len(rows) == sources()["demo"].rows
    assert {row.is_pair for row in rows} == {True, False}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    with Store(tmp_path / "kullm.db") as opened:
        yield opened


def asked(store: Store, conversation: int, question: str, *, parent: int | None = None, given: str = "") -> int:
    return store.add_user_turn(conversation, Message("user", question, given), parent_id=parent)


def replied(store: Store, conversation: int, question: int, reply: str, ends: FinalState = "complete") -> int:
    journal = store.open_reply(conversation, question, ReplySource("kullm-5.8b"))
    journal.think("곰곰이")
    journal.feed(reply)
    journal.finish(ends)
    return journal.reply_id


def written(store: Store, conversation: int, question: int, reply: str) -> int:
    return store.add_turn(conversation, Message("assistant", reply), parent_id=question)


def said(name: str) -> tuple[list[tuple[str, ...]], Counter[str]]:
    rows, faults = split(read(sources()[name]))
    return [row.texts for row in rows], faults


def test_a_conversation_is_the_branch_that_is_shown_as_far_as_it_was_answered(store: Store) -> None:
    conversation = store.create_conversation("수도는?", system="짧게")
    one = conversation.id
    question = asked(store, one, "수도는?", parent=conversation.leaf_id, given="한국")
    replied(store, one, question, "부산")
    seoul = replied(store, one, question, "서울")
    replied(store, one, asked(store, one, "왜?", parent=seoul), "그러니", "cancelled")
    other = store.create_conversation("안녕").id
    asked(store, other, "안녕")
    assert said("conversations") == ([("수도는?", "한국", "서울")], {"system": 1, "unanswered": 2})


def test_a_reply_that_a_person_wrote_beside_a_models_is_a_correction(store: Store) -> None:
    one = store.create_conversation("수도는?").id
    first = replied(store, one, asked(store, one, "안녕"), "네")
    question = asked(store, one, "수도는?", parent=first)
    replied(store, one, question, "부산")
    written(store, one, question, "서울")
    alone = asked(store, one, "혼자", parent=first)
    written(store, one, alone, "모델이 답하지 않은 질문")
    assert said("corrections") == ([("안녕", "네", "수도는?", "서울")], {})


def test_a_correction_that_the_store_knows_of_is_one_and_the_newest_counts(store: Store) -> None:
    one = store.create_conversation("수도는?").id
    first = replied(store, one, asked(store, one, "안녕"), "네")
    reply = replied(store, one, asked(store, one, "수도는?", parent=first), "부산")
    store.correct(reply, "대구")
    store.correct(reply, "서울")
    assert said("corrections") == ([("안녕", "네", "수도는?", "서울")], {})
    store.mark(reply, "never")
    assert said("corrections") == ([], {"never": 1})


def test_replies_that_were_marked_as_good_are_a_source(store: Store) -> None:
    conversation = store.create_conversation("수도는?", system="짧게")
    one = conversation.id
    first = replied(store, one, asked(store, one, "안녕", parent=conversation.leaf_id), "네")
    reply = replied(store, one, asked(store, one, "수도는?", parent=first, given="한국"), "서울")
    assert said("kept") == ([], {})
    store.mark(reply, "keep")
    assert said("kept") == ([("안녕", "네", "수도는?", "한국", "서울")], {"system": 1})
    store.mark(first, "never")
    assert said("kept") == ([], {"system": 1, "never": 1})
    store.delete(one)
    assert said("kept") == ([], {})


def test_what_was_said_in_a_comparison_is_kept_and_corrected_like_anything_else(store: Store) -> None:
    comparison = store.comparisons.create("수도는?", [Contestant("a"), Contestant("b")])
    good, bad = (
        replied(store, column.conversation.id, asked(store, column.conversation.id, "수도는?"), reply)
        for column, reply in zip(comparison.columns, ("서울", "부산"), strict=True)
    )
    store.mark(good, "keep")
    store.correct(bad, "서울이에요")
    assert said("kept") == ([("수도는?", "서울")], {})
    assert said("corrections") == ([("수도는?", "서울이에요")], {})


def test_a_conversation_ends_before_a_reply_that_is_not_for_training_or_was_cut(store: Store) -> None:
    one = store.create_conversation("안녕").id
    first = replied(store, one, asked(store, one, "안녕"), "네")
    second = replied(store, one, asked(store, one, "비밀은?", parent=first), "쉿")
    replied(store, one, asked(store, one, "왜?", parent=second), "그러니까")
    store.mark(second, "never")
    assert said("conversations") == ([("안녕", "네")], {"never": 1})
    other = store.create_conversation("길게").id
    with store.open_reply(other, asked(store, other, "길게"), ReplySource("kullm-5.8b")) as journal:
        journal.feed("옛날 옛적에")
        journal.finish("complete", finished=Finished("length", timings={"cut_at_length": 1.0}))
    assert said("conversations") == ([("안녕", "네")], {"never": 1, "unanswered": 1})


def test_a_deleted_conversation_is_no_source_and_without_a_file_there_is_nothing(store: Store) -> None:
    assert said("conversations") == ([], {})
    one = store.create_conversation("안녕").id
    replied(store, one, asked(store, one, "안녕"), "네")
    assert said("conversations")[0] == [("안녕", "네")]
    store.delete(one)
    assert said("conversations") == ([], {})


def test_reading_what_is_not_there_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "nowhere"))
    assert said("conversations") == said("corrections") == ([], {})
    assert not (tmp_path / "nowhere" / "kullm.db").exists()
