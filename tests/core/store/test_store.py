import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kullm_tui.core.asking.messages import messages_of
from kullm_tui.core.endpoints.endpoint import Finished, Usage
from kullm_tui.core.errors import EngineGone, StoreError
from kullm_tui.core.records import Message
from kullm_tui.core.store import journal as journal_module
from kullm_tui.core.store.journal import Journal, ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.core.store.titles import title_of

SOURCE = ReplySource("kullm-5.8b", "job-20", "kullm-v2", {"temperature": 0.5})


def rows(path: Path, query: str = "SELECT * FROM messages ORDER BY id") -> list[dict[str, Any]]:
    """Seen through another connection: only what is committed."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def reply(store: Store, question: str = "질문", answer: str = "답") -> tuple[int, int]:
    conversation = store.create_conversation(question)
    turn = store.add_user_turn(conversation.id, Message("user", question), parent_id=conversation.leaf_id)
    with store.open_reply(conversation.id, turn, SOURCE) as journal:
        journal.feed(answer)
    return conversation.id, journal.reply_id


def open_journal(store: Store) -> Journal:
    conversation = store.create_conversation("질문")
    return store.open_reply(
        conversation.id, store.add_user_turn(conversation.id, Message("user", "질문"), parent_id=None), SOURCE
    )


def test_the_question_is_committed_before_its_answer_begins(store: Store, path: Path) -> None:
    conversation = store.create_conversation("수도는?")
    store.add_user_turn(conversation.id, Message("user", "수도는?", "입력"), parent_id=None)
    assert [(row["role"], row["content"], row["input"], row["state"]) for row in rows(path)] == [
        ("user", "수도는?", "입력", "complete")
    ]


def test_a_finished_reply_keeps_what_it_was_made_with(store: Store, path: Path) -> None:
    journal = open_journal(store)
    journal.feed("서울")
    journal.feed("입니다.")
    journal.finish("complete", finished=Finished("stop", Usage(11, 4), {"prefill_ms": 7.5}, prompt_sha256="ab"))
    row = rows(path)[1]
    assert (row["content"], row["state"], row["model"], row["adapter"], row["template"]) == (
        "서울입니다.",
        "complete",
        "kullm-5.8b",
        "job-20",
        "kullm-v2",
    )
    assert (row["prompt_tokens"], row["completion_tokens"], row["prompt_sha256"]) == (11, 4, "ab")
    assert json.loads(row["parameters"]) == {"temperature": 0.5}
    assert json.loads(row["timings"]) == {"prefill_ms": 7.5}
    assert row["writer"] is None


def test_a_reply_is_journalled_about_once_a_second(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(journal_module, "_JOURNAL_SECONDS", 0.25)
    monkeypatch.setattr(journal_module, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    journal = open_journal(store)
    seen = set()
    for _ in range(20):
        journal.feed("가")
        seen.add(len(rows(path)[1]["content"]))
        now += 0.0625
    assert sorted(seen) == [0, 5, 9, 13, 17]
    assert rows(path)[1]["state"] == "streaming"


@pytest.mark.parametrize(
    ("failure", "state", "error"),
    [
        (KeyboardInterrupt(), "cancelled", None),
        (asyncio.CancelledError(), "cancelled", None),
        (BrokenPipeError(), "cancelled", None),
        (EngineGone("엔진이 멈췄습니다"), "failed", "엔진이 멈췄습니다"),
        (ZeroDivisionError(), "failed", "ZeroDivisionError"),
    ],
)
def test_a_reply_that_is_broken_off_keeps_its_text(
    store: Store, path: Path, failure: BaseException, state: str, error: str | None
) -> None:
    with contextlib.suppress(type(failure)), open_journal(store) as journal:
        journal.feed("반쪽 답")
        raise failure
    row = rows(path)[1]
    assert (row["content"], row["state"], row["error"]) == ("반쪽 답", state, error)


def test_a_late_journal_entry_does_not_undo_the_end(store: Store, path: Path) -> None:
    journal = open_journal(store)
    journal.feed("처음")
    journal.finish("complete")
    journal._written = 0
    journal.feed(" 늦은 글")
    journal.finish("failed", error="늦음")
    assert [(row["content"], row["state"]) for row in rows(path)[1:]] == [("처음", "complete")]


def test_a_killed_program_loses_at_most_the_last_second(path: Path) -> None:
    code = """
import pathlib, sys, time
from kullm_tui.core.store import store as s
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.records import Message
store = s.Store(pathlib.Path(sys.argv[1]))
c = store.create_conversation("q")
journal = store.open_reply(c.id, store.add_user_turn(c.id, Message("user", "q"), parent_id=None), ReplySource("m"))
while True:
    before = time.monotonic()
    journal.feed("가")
    print(before, flush=True)
    time.sleep(0.01)
"""
    child = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    fed = [float(child.stdout.readline())]
    while fed[-1] < fed[0] + 1.6:
        fed.append(float(child.stdout.readline()))
    with Store(path):
        assert rows(path)[1]["state"] == "streaming", "its writer lives: the reply is not ours to end"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with Store(path):
        row = rows(path)[1]
    assert row["state"] == "failed"
    assert "도중에" in row["error"]
    assert sum(moment < fed[-1] - 1 for moment in fed) <= len(row["content"])


def test_messages_form_a_tree(store: Store) -> None:
    conversation = store.create_conversation("첫 질문", system="친절하게")
    first = store.add_user_turn(conversation.id, Message("user", "첫 질문"), parent_id=conversation.leaf_id)
    answers = []
    for text in ("답 하나", "답 둘"):
        with store.open_reply(conversation.id, first, SOURCE) as journal:
            journal.feed(text)
        answers.append(journal.reply_id)
    second = store.add_user_turn(conversation.id, Message("user", "다음", "입력"), parent_id=answers[0])
    assert messages_of(store.thread(conversation.id, second)) == [
        Message("system", "친절하게"),
        Message("user", "첫 질문"),
        Message("assistant", "답 하나"),
        Message("user", "다음", "입력"),
    ]
    assert [turn.content for turn in store.thread(conversation.id, answers[1])] == ["친절하게", "첫 질문", "답 둘"]


def test_a_message_cannot_hang_under_another_conversation(store: Store) -> None:
    _, answer = reply(store)
    other = store.create_conversation("다른 대화")
    with pytest.raises(StoreError):
        store.add_user_turn(other.id, Message("user", "?"), parent_id=answer)


def test_the_latest_conversation_goes_on_after_its_newest_answer(store: Store) -> None:
    assert store.latest_conversation() is None
    first, answer = reply(store, "첫째")
    reply(store, "둘째")
    with store.open_reply(
        first, store.add_user_turn(first, Message("user", "또"), parent_id=answer), SOURCE
    ) as journal:
        journal.feed("또 답")
    latest = store.latest_conversation()
    assert latest is not None
    assert (latest.id, latest.title, latest.leaf_id) == (first, "첫째", journal.reply_id)
    assert (latest.model, latest.adapter) == ("kullm-5.8b", "job-20")


def test_an_answer_without_text_is_passed_over(store: Store) -> None:
    conversation, answer = reply(store)
    turn = store.add_user_turn(conversation, Message("user", "실패할 질문"), parent_id=answer)
    with pytest.raises(EngineGone), store.open_reply(conversation, turn, SOURCE):
        raise EngineGone("멈춤")
    latest = store.latest_conversation()
    assert latest is not None
    assert latest.leaf_id == answer


def test_a_conversation_without_any_answer_is_passed_over(store: Store) -> None:
    answered, _ = reply(store, "첫째")
    failed = store.create_conversation("둘째", system="짧게")
    turn = store.add_user_turn(failed.id, Message("user", "둘째"), parent_id=failed.leaf_id)
    with pytest.raises(EngineGone), store.open_reply(failed.id, turn, SOURCE):
        raise EngineGone("멈춤")
    store.create_conversation("셋째")
    latest = store.latest_conversation()
    assert latest is not None
    assert latest.id == answered


def test_text_is_stored_composed_and_broken_characters_do_no_harm(store: Store, path: Path) -> None:
    with open_journal(store) as journal:
        journal.feed("\u1112\u1161")
        journal.feed("\u11ab\ud800")
    assert rows(path)[1]["content"] == "한?"


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("대한민국의 수도는?", "대한민국의 수도는?"),
        ("\n\n  둘째   줄\n셋째", "둘째 줄"),
        ("가" * 100, "가" * 59 + "…"),
        ("\x1b[31m빨강\x1b[0m", "빨강"),
        (" \n\t", "제목 없음"),
    ],
)
@pytest.mark.usefixtures("path")
def test_a_title_is_the_first_line_that_says_something(question: str, title: str) -> None:
    assert title_of(question) == title


def test_threads_share_a_store(store: Store, path: Path) -> None:
    async def many() -> None:
        await asyncio.gather(*(asyncio.to_thread(reply, store, f"질문 {n}") for n in range(40)))

    asyncio.run(many())
    assert len(rows(path)) == 80
