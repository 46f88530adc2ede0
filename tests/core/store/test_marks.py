"""What a person says of a reply: corrections beside it, and marks on it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kullm_tui.core.errors import StoreError
from kullm_tui.core.records import Message
from kullm_tui.core.store import database, salvaged_conversations
from kullm_tui.core.store.history import Mark
from kullm_tui.core.store.journal import FinalState, ReplySource
from kullm_tui.core.store.store import Store
from tests.damage import renumbered

SOURCE = ReplySource("kullm-5.8b", "job-20", "kullm-v2", {"temperature": 0.5})


def answered(store: Store, answer: str = "부산이에요.", state: FinalState = "complete") -> tuple[int, int]:
    """The numbers of a conversation and of its reply."""
    conversation = store.create_conversation("수도는?")
    question = store.add_user_turn(conversation.id, Message("user", "수도는?"), parent_id=None)
    with store.open_reply(conversation.id, question, SOURCE) as journal:
        journal.feed(answer)
        journal.finish(state)
    return conversation.id, journal.reply_id


def test_a_correction_stands_beside_the_reply_that_stays_as_it_was(store: Store) -> None:
    conversation, reply = answered(store)
    correction = store.correct(reply, "  서울이에요.\n")
    assert (correction.content, correction.corrects, correction.model, correction.state) == (
        "서울이에요.",
        reply,
        None,
        "complete",
    )
    assert correction.siblings == (reply, correction.id)
    assert store.turn(reply).content == "부산이에요."
    assert [turn.id for turn in store.thread(conversation)][-1] == correction.id, "the conversation goes on from it"


def test_a_conversation_that_goes_on_from_a_correction_keeps_its_model(store: Store) -> None:
    _, reply = answered(store)
    correction = store.correct(reply, "서울이에요.")
    latest = store.latest_conversation()
    assert latest is not None
    assert (latest.leaf_id, latest.model, latest.adapter) == (correction.id, "kullm-5.8b", "job-20")


def test_correcting_a_correction_corrects_the_reply_again(store: Store) -> None:
    _, reply = answered(store)
    first = store.correct(reply, "서울이에요.")
    second = store.correct(first.id, "대한민국의 수도는 서울이에요.")
    assert second.corrects == reply
    assert second.siblings == (reply, first.id, second.id)
    assert store.correct(reply, "대한민국의 수도는 서울이에요.").id == second.id, "said already, and last"
    assert store.correct(reply, "서울이에요.").id not in (first.id, second.id), "the newest one is what was wanted"


@pytest.mark.parametrize("text", ["", " \n\t", "부산이에요.", " 부산이에요.\n"])
def test_a_correction_that_changes_nothing_is_refused(store: Store, text: str) -> None:
    conversation, reply = answered(store)
    with pytest.raises(StoreError, match="고친 답"):
        store.correct(reply, text)
    assert len(store.thread(conversation)) == 2


def test_a_reply_that_was_broken_off_can_be_corrected_but_not_kept(store: Store) -> None:
    _, reply = answered(store, "부", "cancelled")
    with pytest.raises(StoreError, match="끊긴"):
        store.mark(reply, "keep")
    store.mark(reply, "never")
    assert store.turn(reply).mark == "never"
    assert store.correct(reply, "서울이에요.").corrects == reply


def test_a_mark_is_read_with_the_turns_and_can_be_taken_back(store: Store) -> None:
    conversation, reply = answered(store)
    assert store.thread(conversation)[-1].mark is None
    marks: tuple[Mark | None, ...] = ("keep", "never", None)
    for mark in marks:
        store.mark(reply, mark)
        assert store.thread(conversation)[-1].mark == mark


def test_only_replies_that_have_ended_are_corrected_or_marked(store: Store) -> None:
    conversation, reply = answered(store)
    question = store.thread(conversation)[0].id
    writing = store.open_reply(conversation, question, SOURCE)
    for wrong, told in ((question, "답이 아니에요"), (writing.reply_id, "쓰는 중"), (reply + 99, "없어요")):
        with pytest.raises(StoreError, match=told):
            store.correct(wrong, "서울이에요.")
        with pytest.raises(StoreError, match=told):
            store.mark(wrong, "never")
    writing.finish("complete")


def test_nothing_is_said_of_a_deleted_conversation(store: Store) -> None:
    conversation, reply = answered(store)
    store.delete(conversation)
    with pytest.raises(StoreError, match="없어요"):
        store.mark(reply, "keep")
    with pytest.raises(StoreError, match="없어요"):
        store.correct(reply, "서울이에요.")


def test_a_purged_conversation_takes_its_corrections_with_it(store: Store, path: Path) -> None:
    conversation, reply = answered(store)
    store.correct(reply, "서울이에요.")
    store.mark(reply, "never")
    store.purge(conversation)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (0,)


def test_a_file_of_before_there_were_marks_gets_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = database._migrations("kullm_tui.core.store")
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "_migrations", lambda _: known[:5])
        Store(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_function("decomposed", 2, lambda content, _: content)
        connection.execute("PRAGMA trusted_schema = ON")
        connection.execute("INSERT INTO conversations (id, title, created, updated) VALUES (1, '수도는?', 1, 1)")
        for number, role, parent in ((1, "user", None), (2, "assistant", 1)):
            connection.execute(
                "INSERT INTO messages (id, conversation_id, parent_id, role, content, created, state)"
                " VALUES (?, 1, ?, ?, '부산', 1, 'complete')",
                (number, parent, role),
            )
    with Store(path) as store:
        assert [(turn.mark, turn.corrects) for turn in store.thread(1)] == [(None, None)] * 2
        store.mark(2, "never")
        assert store.correct(2, "서울").corrects == 2


def test_marks_and_corrections_are_rescued_from_a_damaged_file(path: Path) -> None:
    with Store(path) as store:
        _, reply = answered(store)
        correction = store.correct(reply, "서울이에요.")
        store.mark(reply, "never")
    damaged = path.with_name("damaged.db")
    path.rename(damaged)
    data = bytearray(damaged.read_bytes())
    data[:100] = b"\xa5" * 100
    damaged.write_bytes(data)
    Store(path).close()
    salvaged_conversations.rescue_conversations(damaged, path)
    with Store(path) as store:
        assert store.turn(reply).mark == "never"
        assert store.turn(correction.id).corrects == reply


def test_a_correction_outlives_the_reply_that_damage_took(path: Path) -> None:
    with Store(path) as store:
        _, reply = answered(store)
        correction = store.correct(reply, "서울이에요.")
    damaged = path.with_name("damaged.db")
    path.rename(damaged)
    renumbered(damaged, "messages", 1, 100)
    Store(path).close()
    salvaged_conversations.rescue_conversations(damaged, path)
    with Store(path) as store:
        assert store.turn(correction.id).corrects is None
