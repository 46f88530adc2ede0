"""The list of conversations: found while one types, renamed, pinned, deleted and brought back; ten thousand of them at once."""

import time
from pathlib import Path

import pytest

from kullm_tui.core.errors import NoSpace
from kullm_tui.core.records import Message
from kullm_tui.core.store.store import Store
from kullm_tui.ui.chat.sidebar_rows import Entry, Found, listed
from kullm_tui.ui.dialogs.ask import AskLine
from kullm_tui.ui.widgets.row_list import Rows
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import Chat, chatting

_TALKS = {
    "대한민국의 수도": "대한민국의 수도는 서울입니다.",
    "파이썬 정렬": "sorted 함수는 새 목록을 돌려줍니다.",
    "여행 계획": "부산에서 이틀을 보내는 계획입니다.",
}


def _filled(database: Path) -> None:
    with Store(database) as store:
        for title, answer in _TALKS.items():
            conversation = store.create_conversation(title)
            question = store.add_user_turn(conversation.id, Message("user", title), parent_id=None)
            store.add_user_turn(conversation.id, Message("assistant", answer), parent_id=question)


def _titles(chat: Chat) -> list[str]:
    rows = chat.screen.sidebar.query_one(Rows).rows
    return [row.conversation.title for row in rows if isinstance(row, Entry | Found)]


async def _listed(chat: Chat, *titles: str) -> None:
    await chat.until(lambda: _titles(chat) == list(titles))


async def test_one_syllable_finds_and_the_hit_is_opened_and_marked(database: Path) -> None:
    _filled(database)
    async with chatting(database) as chat:
        await chat.pilot.press("f6")
        await chat.types("틀")
        await _listed(chat, "여행 계획")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.told("부산에서 이틀을"))
        found = [view for view in chat.screen.thread.views if view.has_class("-found")]
        assert [view.turn.content for view in found] == [_TALKS["여행 계획"]]
        assert chat.screen.prompt.has_focus_within


async def test_the_list_is_walked_with_the_arrows_and_opened(database: Path) -> None:
    _filled(database)
    async with chatting(database) as chat:
        await _listed(chat, "여행 계획", "파이썬 정렬", "대한민국의 수도")
        await chat.pilot.press("f6", "down", "down", "enter")
        await chat.until(lambda: chat.told("sorted 함수는"))
        assert chat.told("오늘")


async def test_a_conversation_is_renamed_and_pinned(database: Path) -> None:
    _filled(database)
    async with chatting(database) as chat:
        await _listed(chat, "여행 계획", "파이썬 정렬", "대한민국의 수도")
        await chat.pilot.press("f6", "down", "down", "down", "p")
        await _listed(chat, "대한민국의 수도", "여행 계획", "파이썬 정렬")
        assert chat.told("고정")
        await chat.pilot.press("f2")
        await chat.until(lambda: isinstance(chat.app.screen, AskLine))
        await chat.types("수도 물음")
        await chat.pilot.press("enter")
        await _listed(chat, "수도 물음", "여행 계획", "파이썬 정렬")


async def test_what_was_deleted_comes_back_with_u_in_hangul_mode_too(database: Path) -> None:
    _filled(database)
    async with chatting(database) as chat:
        await _listed(chat, "여행 계획", "파이썬 정렬", "대한민국의 수도")
        for key in ("u", "ㅕ"):
            await chat.pilot.press("f6", "down", "delete")
            await chat.until(lambda: "여행 계획" not in _titles(chat))
            assert chat.told("u 되돌리기")
            await chat.pilot.press(key)
            await _listed(chat, "여행 계획", "파이썬 정렬", "대한민국의 수도")
            await chat.pilot.press("escape")


async def test_the_conversation_on_the_screen_can_be_deleted_while_it_streams(database: Path) -> None:
    with OpenAIServer([says(*["글 "] * 400, pause=0.1)]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("물음")
            await chat.until(lambda: chat.told("글 글"))
            await _listed(chat, "물음")
            await chat.pilot.press("f6", "down", "delete")
            await chat.until(lambda: not chat.turns and not _titles(chat))
            assert server.requests[0].disconnected.wait(60)
            assert chat.told("구름")


async def test_below_a_hundred_columns_the_list_lies_over_the_thread_when_asked_for(database: Path) -> None:
    _filled(database)
    async with chatting(database, size=(80, 24)) as chat:
        assert not chat.told("파이썬 정렬")
        await chat.pilot.press("f6")
        await chat.until(lambda: chat.told("파이썬 정렬"))
        await chat.pilot.press("f6")
        await chat.until(lambda: not chat.told("파이썬 정렬"))
        assert chat.screen.prompt.has_focus_within


async def test_titles_that_would_write_on_the_terminal_are_shown_as_words(database: Path) -> None:
    with Store(database) as store:
        conversation = store.create_conversation("제목")
        store.rename(conversation.id, "[/x] \x1b]52;c;QQ==\x07나쁜 \u202e제목")
    async with chatting(database) as chat:
        await chat.until(lambda: chat.told("나쁜"))
        assert "\x1b" not in chat.shown
        assert "\u202e" not in chat.shown


async def test_ten_thousand_conversations_are_there_at_once(database: Path) -> None:
    with Store(database) as store, store._database.transaction() as connection:
        now = time.time()
        connection.executemany(
            "INSERT INTO conversations (title, created, updated, recency) VALUES (?, ?, ?, ?)",
            [(f"{number}번째 대화", now, now - number * 3600, 10_001 - number) for number in range(10_000)],
        )
    async with chatting(database) as chat:
        await chat.until(lambda: len(_titles(chat)) == 10_000)
        rows = chat.screen.sidebar.query_one(Rows)
        begun = time.thread_time()
        entries = listed(chat.app.store.conversations, lambda _: " ")
        listing = time.thread_time() - begun
        begun = time.thread_time()
        rows.show(entries)
        for line in range(rows.size.height):
            rows.render_line(line)
        drawn = time.thread_time() - begun
        assert listing < 0.5
        assert drawn < 0.1
        await chat.pilot.press("f6", "down", "end")
        await chat.until(lambda: chat.told("9999번째 대화"))


async def test_a_reply_that_streams_behind_the_list_is_whole_when_one_comes_back(database: Path) -> None:
    pieces = [f"{number} " for number in range(30)]
    with OpenAIServer([says(*pieces, pause=0.05)]) as server:
        async with chatting(database, size=(80, 24), server=server) as chat:
            await chat.sends("물음")
            await chat.pilot.press("f6")
            await chat.until(lambda: chat.told("오늘"))
            await chat.answered()
            await chat.pilot.press("escape")
            await chat.until(lambda: chat.told("27 28 29"))


async def test_what_the_disk_refuses_is_told_in_the_list(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _filled(database)

    def full(*_: object) -> None:
        raise NoSpace("디스크가 가득 [/x] 찼어요")

    monkeypatch.setattr(Store, "delete", full)
    async with chatting(database) as chat:
        await _listed(chat, "여행 계획", "파이썬 정렬", "대한민국의 수도")
        await chat.pilot.press("f6", "down", "delete")
        await chat.until(lambda: chat.told("가득 [/x] 찼어요"))
        assert "여행 계획" in _titles(chat)
