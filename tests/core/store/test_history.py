"""The list, the branches, and what a user does to a conversation."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from kullm_tui.core.errors import StoreError
from kullm_tui.core.records import Message
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store

SOURCE = ReplySource("kullm-5.8b", "job-20", "kullm-v2", {"temperature": 0.5})


def ask(store: Store, conversation_id: int, parent_id: int | None, text: str) -> int:
    return store.add_user_turn(conversation_id, Message("user", text), parent_id=parent_id)


def answer(store: Store, conversation_id: int, parent_id: int, text: str) -> int:
    with store.open_reply(conversation_id, parent_id, SOURCE) as journal:
        journal.feed(text)
    return journal.reply_id


def titles(store: Store) -> list[str]:
    return [one.title for one in store.conversations()]


def test_pinned_ones_come_first_then_what_was_used_last(store: Store) -> None:
    first, second, third = (store.create_conversation(title).id for title in ("하나", "둘", "셋"))
    ask(store, first, None, "다시")
    store.pin(second, True)
    assert titles(store) == ["둘", "하나", "셋"]
    assert [one.id for one in store.conversations(limit=1, offset=1)] == [first]
    store.pin(second, False)
    store.rename(third, "새 이름")
    assert titles(store) == ["하나", "새 이름", "둘"], "neither a pin nor a name is a use"


def test_a_clock_that_is_set_back_loses_no_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    clock = iter([now, now, now, now - 90_000_000, now - 90_000_000, now - 90_000_000, *[now - 3600] * 20])
    monkeypatch.setattr(time, "time", lambda: next(clock, now - 3600))
    early = store.create_conversation("먼저")
    question = ask(store, early.id, None, "하나")
    late = store.create_conversation("나중")
    assert titles(store) == ["나중", "먼저"]
    again = ask(store, early.id, question, "둘")
    assert titles(store) == ["먼저", "나중"]
    assert [turn.content for turn in store.thread(early.id)] == ["하나", "둘"]
    assert store.leaf_below(question) == again
    latest = answer(store, late.id, ask(store, late.id, None, "셋"), "답")
    found = store.latest_conversation()
    assert found is not None
    assert found.leaf_id == latest


def test_a_list_knows_what_answered_last(store: Store) -> None:
    one = store.create_conversation("하나")
    leaf = answer(store, one.id, ask(store, one.id, None, "?"), "답")
    [listed] = store.conversations()
    assert (listed.model, listed.adapter, listed.leaf_id) == ("kullm-5.8b", "job-20", leaf)
    assert store.conversation(one.id) == listed


def test_branches_are_walked(store: Store) -> None:
    one = store.create_conversation("하나", system="짧게")
    question = ask(store, one.id, one.leaf_id, "질문")
    first, second = (answer(store, one.id, question, text) for text in ("답 1", "답 2"))
    below_first = answer(store, one.id, ask(store, one.id, first, "더"), "더 답")
    edited = ask(store, one.id, one.leaf_id, "고친 질문")
    assert [turn.content for turn in store.thread(one.id)] == ["짧게", "고친 질문"], "writing goes on is choosing"
    store.choose_leaf(one.id, store.leaf_below(first))
    system, asked, answered, *rest = store.thread(one.id)
    assert [turn.content for turn in rest] == ["더", "더 답"]
    assert (system.siblings, asked.siblings, answered.siblings) == ((one.leaf_id,), (question, edited), (first, second))
    assert (answered.model, answered.adapter, answered.template, answered.parameters) == (
        "kullm-5.8b",
        "job-20",
        "kullm-v2",
        {"temperature": 0.5},
    )
    assert store.thread(one.id, second)[-1].content == "답 2"
    assert store.leaf_below(question) == second
    assert store.leaf_below(below_first) == below_first
    assert store.conversation(one.id).leaf_id == below_first


def test_an_empty_conversation_has_an_empty_thread(store: Store) -> None:
    assert store.thread(store.create_conversation("빈").id) == []


def test_what_is_not_there_is_told(store: Store) -> None:
    one, other = store.create_conversation("하나"), store.create_conversation("둘")
    foreign = ask(store, other.id, None, "?")
    for attempt in (
        lambda: store.conversation(99),
        lambda: store.thread(99),
        lambda: store.thread(one.id, foreign),
        lambda: store.leaf_below(99),
        lambda: store.choose_leaf(one.id, foreign),
        lambda: store.rename(99, "이름"),
        lambda: store.delete(99),
        lambda: store.purge(99),
        lambda: list(store.portable([99])),
    ):
        with pytest.raises(StoreError, match="없어요"):
            attempt()


def test_a_deletion_can_be_undone_until_it_is_purged(store: Store) -> None:
    one = store.create_conversation("하나")
    answer(store, one.id, ask(store, one.id, None, "?"), "답")
    store.delete(one.id)
    assert (titles(store), store.latest_conversation()) == ([], None)
    with pytest.raises(StoreError):
        store.conversation(one.id)
    store.restore(one.id)
    assert titles(store) == ["하나"]
    assert len(store.thread(one.id)) == 2
    store.purge(one.id)
    with pytest.raises(StoreError):
        store.restore(one.id)


def test_broken_characters_and_nul_do_no_harm(store: Store) -> None:
    one = store.create_conversation("제\ud800목\0")
    assert (one.title, store.rename(one.id, "\0새\udfff ")) == ("제?목", "새?")
    turn = store.add_user_turn(one.id, Message("user", "글\ud800\0자", "\0\udc00"), parent_id=None)
    assert [(turn.content, turn.input) for turn in store.thread(one.id, turn)] == [("글?자", "?")]


def test_reading_does_not_wait_for_a_writer(store: Store) -> None:
    """The writer ends only after the reading."""
    store.create_conversation("하나")
    with store._database.transaction():
        assert titles(store) == ["하나"]
        assert store.search("하나")


def test_two_programs_write_one_database_at_once(store: Store, tmp_path: Path) -> None:
    code = """
import pathlib, sys
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.records import Message
from kullm_tui.core.store.store import Store
with Store(pathlib.Path(sys.argv[1])) as store:
    for number in range(60):
        one = store.create_conversation(f"{sys.argv[2]} {number}")
        turn = store.add_user_turn(one.id, Message("user", "질문"), parent_id=None)
        with store.open_reply(one.id, turn, ReplySource("m")) as journal:
            journal.feed("답변입니다")
        store.pin(one.id, number % 2 == 0)
        assert len(store.search("답변", limit=5)) == 5 or number < 5
"""
    command = [sys.executable, "-c", code, str(tmp_path / "kullm.db")]
    children = [subprocess.Popen([*command, name], stderr=subprocess.PIPE, text=True) for name in ("가", "나", "다")]
    assert [child.communicate(timeout=240)[1] for child in children] == [""] * 3
    assert len(store.conversations()) == 180
    assert all(len(store.thread(one.id)) == 2 for one in store.conversations())
    assert len(store.search("답변", limit=1000)) == 180
