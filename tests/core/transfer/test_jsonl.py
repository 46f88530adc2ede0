"""Conversations out of the database and in again."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kullm_tui.core.endpoints.endpoint import Finished, Usage
from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.records import Message
from kullm_tui.core.store import transfer_sql
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.portable import PortableConversation, PortableMessage
from kullm_tui.core.store.store import Store
from kullm_tui.core.transfer.import_file import import_file
from kullm_tui.core.transfer.jsonl import jsonl, read_jsonl
from kullm_tui.core.transfer.markdown import markdown, read_markdown


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("KULLM_LANG", "ko")
    with Store(tmp_path / "kullm.db") as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "other.db") as opened:
        yield opened


def a_tree(store: Store) -> int:
    """A system text, a question asked in two ways, three answers, and what hangs below the first."""
    one = store.create_conversation("수도는?", system="친절하게")
    first = store.add_user_turn(
        one.id, Message("user", "수도는?", "한국\n<!-- kullm:user {} -->"), parent_id=one.leaf_id
    )
    answers = []
    for text in ("서울", "서울", "\x1b[31m부산\u202e\x85"):  # the same answer twice is two answers
        source = ReplySource("kullm-5.8b", "job-20", "kullm-v2", {"temperature": 0.5, "stop": ["\n"]})
        with store.open_reply(one.id, first, source) as journal:
            journal.feed(text)
            journal.finish("complete", finished=Finished("stop", Usage(3, 1), {"decode_ms": 5.5}, prompt_sha256="ab"))
        answers.append(journal.reply_id)
    store.add_user_turn(one.id, Message("user", "  끝에 빈 줄\n\n"), parent_id=answers[0])
    store.add_user_turn(one.id, Message("user", "다른 질문"), parent_id=one.leaf_id)
    store.mark(answers[0], "keep")
    store.mark(answers[1], "never")
    store.correct(answers[2], "서울이에요.")
    store.choose_leaf(one.id, answers[2])
    store.pin(one.id, True)
    return one.id


def written(store: Store) -> bytes:
    kept = list(store.portable())
    return "".join(f"{line}\n" for line in jsonl(kept, len(kept))).encode()


def imported(store: Store, folder: Path, data: bytes, name: str = "file") -> dict[str, int]:
    (folder / name).write_bytes(data)
    found, unreadable = import_file(store, folder / name)
    return {name: getattr(found, name) for name in ("new", "grown", "known")} | {"unreadable": unreadable}


NEW = {"new": 1, "grown": 0, "known": 0, "unreadable": 0}
KNOWN = {"new": 0, "grown": 0, "known": 1, "unreadable": 0}
GROWN = {"new": 0, "grown": 1, "known": 0, "unreadable": 0}


def test_a_whole_tree_comes_back_as_it_was(store: Store, other: Store, tmp_path: Path) -> None:
    a_tree(store)
    data = written(store)
    assert b"\x1b" not in data
    assert imported(other, tmp_path, data) == NEW
    assert [asdict(one) for one in other.portable()] == [asdict(one) for one in store.portable()]
    [conversation] = other.conversations()
    assert conversation.pinned
    assert [turn.content for turn in other.thread(conversation.id)][-1] == "\x1b[31m부산\u202e\x85"
    assert [hit.message_id is None for hit in other.search("수도")] == [True, False]


def test_the_same_file_twice_adds_nothing(store: Store, other: Store, tmp_path: Path) -> None:
    a_tree(store)
    assert imported(store, tmp_path, written(store)) == KNOWN
    assert imported(other, tmp_path, written(store)) == NEW
    assert imported(other, tmp_path, written(store)) == KNOWN
    assert imported(other, tmp_path, written(store) * 2)["known"] == 2
    assert len(list(other.portable())) == 1


def test_what_was_said_since_joins_what_is_there(store: Store, other: Store, tmp_path: Path) -> None:
    number = a_tree(store)
    imported(other, tmp_path, written(store))
    leaf = store.thread(number)[-1].id
    store.add_user_turn(number, Message("user", "이어서"), parent_id=leaf)
    assert imported(other, tmp_path, written(store)) == GROWN
    [mine], [theirs] = store.portable(), other.portable()
    assert [asdict(one) for one in theirs.messages] == [asdict(one) for one in mine.messages]


def test_what_was_said_of_replies_since_joins_what_is_there(store: Store, other: Store, tmp_path: Path) -> None:
    a_tree(store)
    bare = replace(next(store.portable()))
    stripped = tuple(replace(message, mark=None, corrects=None) for message in bare.messages)
    other.keep([replace(bare, messages=stripped)])
    assert imported(other, tmp_path, written(store)) == GROWN
    assert imported(other, tmp_path, written(store)) == KNOWN
    assert [asdict(one) for one in other.portable()] == [asdict(one) for one in store.portable()]


def test_a_never_of_either_side_holds_and_any_other_word_is_kept(store: Store, other: Store, tmp_path: Path) -> None:
    number = a_tree(store)
    imported(other, tmp_path, written(store))
    kept, never, *_ = store.turn(store.thread(number)[-1].id).siblings
    store.mark(kept, "never")
    store.mark(never, "keep")
    assert imported(other, tmp_path, written(store)) == GROWN
    [theirs] = other.portable()
    assert [message.mark for message in theirs.messages if message.mark] == ["never", "never"]
    imported(store, tmp_path, b"".join(f"{line}\n".encode() for line in jsonl([theirs], 1)))
    assert [store.turn(reply).mark for reply in (kept, never)] == ["never", "never"]


def test_a_deleted_conversation_comes_in_anew(store: Store, tmp_path: Path) -> None:
    number = a_tree(store)
    data = written(store)
    store.delete(number)
    assert imported(store, tmp_path, data) == NEW
    store.restore(number)
    assert len(store.conversations()) == 2


def test_only_what_was_asked_for_is_written(store: Store) -> None:
    first, second = a_tree(store), a_tree(store)
    store.delete(second)
    assert [one.title for one in store.portable()] == ["수도는?"]
    assert len(list(store.portable([first]))) == 1


text = st.text(max_size=20)
times = st.floats(min_value=0, max_value=4e9)
facts = st.dictionaries(text, st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text, max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> PortableConversation:
    messages = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        parent = draw(st.none() | st.integers(1, number - 1)) if number > 1 else None
        role: Any = draw(st.sampled_from(["system", "user", "assistant"]))
        message = PortableMessage(number, parent, role, draw(text), draw(times), input=draw(text), timings=draw(facts))
        mark: Any = draw(st.sampled_from([None, "keep", "never"]))
        messages.append(replace(message, mark=mark, corrects=draw(st.sampled_from([None, parent]))))
    return PortableConversation(draw(st.uuids()).hex, "제목", draw(times), draw(times), tuple(messages), leaf=1)


@given(one=conversations())
@settings(max_examples=150, deadline=None)
def test_any_tree_survives_the_way_through_a_file_and_a_database(
    one: PortableConversation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Store(tmp_path_factory.mktemp("trip") / "kullm.db") as store:
        [read] = read_jsonl(line.encode() for line in jsonl([one], 1))
        store.keep([read])
        [again] = store.portable()
        store.keep([again])
        assert store.keep([read]).known == 1
        [last] = store.portable()
    assert asdict(last) == asdict(again)
    assert [(message.number, message.parent, message.role) for message in last.messages] == [
        (message.number, message.parent, message.role) for message in one.messages
    ]


def line_with(**changes: Any) -> bytes:
    message = {"number": 1, "parent": None, "role": "user", "content": "질문", "created": 1, "state": "complete"}
    row = {"key": "k", "title": "제목", "created": 1, "updated": 1, "messages": [message]}
    for name, value in changes.items():
        (message if name in message or name in ("timings", "parameters", "prompt_tokens", "mark", "corrects") else row)[
            name
        ] = value
    return json.dumps(row, ensure_ascii=True).encode()


BAD_FIELDS: tuple[dict[str, Any], ...] = (
    {"key": ""}, {"key": "k" * 300}, {"key": 3}, {"title": None}, {"messages": {}}, {"messages": [3]},
    {"created": "어제"}, {"updated": -1}, {"updated": 1e300}, {"updated": 10**400}, {"updated": True},
    {"role": "tool"}, {"state": "streaming"}, {"content": None}, {"number": "1"}, {"parent": 1}, {"parent": 7},
    {"timings": []}, {"parameters": {"a": float("inf")}}, {"prompt_tokens": 2**80}, {"prompt_tokens": True},
    {"mark": "maybe"}, {"mark": []}, {"corrects": 7}, {"corrects": 1}, {"corrects": "1"}, {"corrects": []},
)  # fmt: skip
HEADER = b'{"kullm": "conversations", "version": 1, "conversations": 1}\n'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (HEADER, "끊긴"),
        (HEADER + line_with()[:-9], "2번째 줄"),
        (HEADER + line_with() + b"\n" + line_with(key="l"), "끊긴"),
        (HEADER + b"\xff\xfe", "UTF-8"),
        (HEADER + b"[" * 100_000, "JSON"),
        (HEADER + b"[]", "객체"),
        (HEADER + b'{"key": NaN}', "JSON"),
        (HEADER.replace(b'"version": 1', b'"version": 2'), "새로운"),
        (HEADER.replace(b": 1}", b": -1}"), "대화 파일이 아니에요"),
        *((HEADER + line_with(**change), "2번째 줄") for change in BAD_FIELDS),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_is_imported(store: Store, tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(ImportRefused, match=told) as caught:
        imported(store, tmp_path, data)
    assert str(tmp_path / "file") in str(caught.value)
    assert store.conversations() == []


def test_nothing_of_a_file_stays_when_the_import_is_broken_off(store: Store, tmp_path: Path) -> None:
    rows = b"\n".join(line_with(key=f"k{number}") for number in range(50))
    (tmp_path / "file").write_bytes(HEADER.replace(b'ons": 1', b'ons": 50') + rows)

    def stop(_step: str, done: int, _total: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(store, tmp_path / "file", stop)
    assert store.conversations() == []
    assert store.search("질문") == []


def test_the_progress_goes_on_while_the_index_is_made(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_sql, "_INDEXED_AT_ONCE", 8)
    rows = b"\n".join(line_with(key=f"k{number}", content=f"질문 {number}번") for number in range(30))
    (tmp_path / "file").write_bytes(HEADER.replace(b'ons": 1', b'ons": 30') + rows)
    told: list[tuple[str, int, int]] = []
    imported, _ = import_file(store, tmp_path / "file", lambda *step: told.append(step))
    kept = [step for step in told if step[0] == "keep"]
    indexed = [step for step in told if step[0] == "index"]
    assert told == [*kept, *indexed]
    assert kept == [("keep", done, 30) for done in range(1, 31)]
    assert len(indexed) > 3
    assert [done for _, done, _ in indexed] == sorted({done for _, done, _ in indexed})
    assert indexed[-1] == ("index", imported.messages, imported.messages)
    assert len(store.search("29번")) == 1
    assert store.search("질문")


def test_hostile_text_comes_in_as_text(store: Store, tmp_path: Path) -> None:
    hostile = "\x1b]52;c;aGk=\x07[/b]\ud800\0" + "가" * 1_000_000
    data = HEADER + line_with(title=hostile, content=hostile)
    assert imported(store, tmp_path, data) == NEW
    [conversation] = store.conversations()
    assert conversation.title.startswith("[/b]?가")
    assert len(conversation.title) == 60
    content = store.thread(conversation.id)[0].content
    assert (len(content), "\0" in content) == (len(hostile) - 1, False)
    assert store.search("[/b]")


def test_markdown_can_be_read_by_people_and_comes_back(store: Store, other: Store, tmp_path: Path) -> None:
    number = a_tree(store)
    leaf = store.add_user_turn(number, Message("user", "\n끝에 빈 줄 -->\n\n"), parent_id=store.thread(number)[-1].id)
    with store.open_reply(number, leaf, ReplySource("a-->b")) as journal:
        journal.feed("# 제목\n\n<!-- \\kullm:user {} -->\n\n- 하나")
    [kept] = store.portable()
    page = markdown(kept)
    assert "# 수도는?" in page
    assert "**나** · " in page
    assert not set("\x1b\x85\u202e") & set(page)
    assert imported(other, tmp_path, page.encode()) == NEW
    mine, theirs = store.thread(number), other.thread(other.conversations()[0].id)
    assert [(turn.role, turn.input, turn.model) for turn in theirs] == [
        (turn.role, turn.input, turn.model) for turn in mine
    ]
    contents = [turn.content.replace("\x1b[31m", "").replace("\u202e\x85", "") for turn in mine]
    assert [turn.content for turn in theirs] == contents
    assert imported(other, tmp_path, page.encode()) == KNOWN
    assert imported(other, tmp_path, page.replace("\n", "\r\n").encode()) == KNOWN


@given(content=text, more=text, title=text)
@example(content="", more="\n\n", title="")
@settings(max_examples=200, deadline=None)
def test_any_text_survives_markdown(content: str, more: str, title: str) -> None:
    message = PortableMessage(1, None, "user", content, 1.0, input=more)
    once = read_markdown(markdown(PortableConversation("k", title, 1.0, 1.0, (message,), leaf=1)))
    assert read_markdown(markdown(once)) == replace(once)


@pytest.mark.parametrize(
    "data", [b"# \xec\xa0\x9c\xeb\xaa\xa9\n", b"", b"\xff\xfe\x00", b"<!-- kullm:conversation {} -->", b"PK"]
)
def test_a_file_of_no_known_form_is_refused(store: Store, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ImportRefused, match=str(tmp_path)):
        imported(store, tmp_path, data)


def test_what_is_no_file_is_refused(store: Store, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "없음", Path("/dev/zero")):
        with pytest.raises(ImportRefused, match="파일이 없어요"):
            import_file(store, path)
