"""A disk that fills during a reply: what was read is written down once there is room, by itself or when the app ends."""

import asyncio
from pathlib import Path

from kullm_tui.core.store.store import Store
from kullm_tui.ui.dialogs.ask import Confirm
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import Chat, chatting

_LONG = "가나다라 마바사 " * 4000
_REAL_LIMIT = 2**30


def _limit(store: Store, pages: int) -> None:
    """A limit of SQLite's own, which fails as a full disk does."""
    with store._database.transaction() as connection:
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {min(used + pages, _REAL_LIMIT)}")


async def _with_a_full_disk(chat: Chat) -> None:
    _limit(chat.app.store, 3)
    await chat.sends("길게 말해 줘")
    await chat.until(lambda: len(chat.app.unsaved) == 1)
    await chat.until(lambda: chat.told("공간이 생기면 자동으로 저장해요"))
    assert chat.last_text.strip() == _LONG.strip()


def _kept(database: Path) -> tuple[str, str]:
    with Store(database) as store:
        turn = store.thread(store.conversations()[0].id)[-1]
        return turn.content.strip(), turn.state


async def test_a_reply_without_room_is_saved_by_itself_once_there_is_some(database: Path) -> None:
    with OpenAIServer([says(_LONG)]) as server:
        async with chatting(database, server=server) as chat:
            await _with_a_full_disk(chat)
            chat.controller.new_conversation()
            await chat.until(lambda: not chat.turns)
            chat.controller.open(chat.app.store.conversations()[0])
            await chat.until(lambda: chat.turns and chat.last_text.strip() == _LONG.strip())
            _limit(chat.app.store, _REAL_LIMIT)
            await chat.until(lambda: len(chat.app.unsaved) == 0)
            await chat.until(lambda: not chat.told("자리가 나면") and chat.turns[-1].state == "complete")
            assert await asyncio.to_thread(_kept, database) == (_LONG.strip(), "complete")


async def test_quitting_with_an_unsaved_reply_asks_and_tries_once_more(database: Path) -> None:
    with OpenAIServer([says(_LONG)]) as server:
        async with chatting(database, server=server) as chat:
            await _with_a_full_disk(chat)
            await chat.pilot.press("ctrl+q")
            await chat.until(lambda: isinstance(chat.app.screen, Confirm) and chat.told("저장하지 못한 답이 1개"))
            await chat.pilot.press("escape")
            await chat.until(lambda: not isinstance(chat.app.screen, Confirm))
            _limit(chat.app.store, _REAL_LIMIT)
            await chat.pilot.press("ctrl+q")
            await chat.until(lambda: not chat.app.is_running)
    assert await asyncio.to_thread(_kept, database) == (_LONG.strip(), "complete")
