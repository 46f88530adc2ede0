"""The interface's language is changed while it is shown: afterwards it looks as if it had been opened in that language."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from kullm_tui.core.endpoints.endpoint import Finished, Usage
from kullm_tui.core.records import Message
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.conversation.thread import Earlier
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.palette import commands
from tests.ui.browsing import browser, choose, shows, stand_still, until
from tests.ui.chatting import Chat, chatting
from tests.ui.snapshot import text_of

_SIZE = (140, 45)
_REPLY = "한 줄\n\n```\n코드\n```\n"


def _filled(database: Path, turns: int) -> Conversation:
    with Store(database) as store:
        conversation = store.create_conversation("이름", system="짧게")
        parent = conversation.leaf_id
        for number in range(turns):
            text = "긴 글\n" * 80 if number == turns - 1 else f"{number}번째"
            parent = store.add_user_turn(conversation.id, Message("user", text), parent_id=parent)
            with store.open_reply(conversation.id, parent, ReplySource("demo-kullm")) as journal:
                journal.feed(_REPLY)
                timings = {"client_total_ms": 4210.0, "dropped_turns": 2.0}
                journal.finish("cancelled", finished=Finished("stop", Usage(190, 122), timings))
            parent = journal.reply_id
    return conversation


async def _settled(chat: Chat, words: str) -> str:
    await chat.until(lambda: chat.told(words))
    await chat.pilot.pause(0.2)
    return chat.shown


@pytest.mark.parametrize("turns", [1, 12])
async def test_a_conversation_says_everything_anew(database: Path, monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    conversation = _filled(database, turns)
    seen = []
    for language in ("ko", "en"):
        monkeypatch.setenv("KULLM_LANG", language)
        async with chatting(database, size=_SIZE) as chat:
            chat.controller.open(conversation)
            await _settled(chat, "중단됨" if language == "ko" else "stopped")
            await chat.pilot.press("ctrl+t")
            if language == "ko":
                await chat.app.choose_language("en")
                await chat.until(lambda: chat.told("Today"))
            above = [str(line.render()) for line in chat.screen.query(Earlier).results(Earlier)]  # out of sight
            seen.append(f"{above}\n{await _settled(chat, 'Today')}")
    assert seen[0] == seen[1]
    assert ("earlier turns" if turns > 1 else "stopped") in seen[0]


async def test_the_welcome_says_everything_anew(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for language in ("ko", "en"):
        monkeypatch.setenv("KULLM_LANG", language)
        async with chatting(database, size=_SIZE) as chat:
            await _settled(chat, "데모 모델" if language == "ko" else "tiny demo")
            if language == "ko":
                await chat.app.choose_language("en")
            seen.append(await _settled(chat, "tiny demo"))
    assert seen[0] == seen[1]
    assert "Ask anything" in seen[0]


async def test_the_browser_says_everything_anew_and_keeps_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_still(tmp_path, monkeypatch)
    seen = []
    for language in ("ko", "en"):
        monkeypatch.setenv("KULLM_LANG", language)
        async with browser() as pilot:
            await choose(pilot, "demo-koalpaca")
            if language == "ko":
                assert isinstance(pilot.app, KullmApp)
                await pilot.app.choose_language("en")
            seen.append(await _read(pilot))
    assert seen[0] == seen[1]


async def _read(pilot: Pilot[int]) -> str:
    await shows(pilot, "free")
    await pilot.pause(0.2)
    return text_of(pilot.app)


async def test_over_a_dialog_no_language_is_offered(chat_home: Path) -> None:
    assert chat_home
    app = KullmApp()
    async with app.run_test() as pilot:
        assert any("English" in one.title or "한국어" in one.title for one in commands(app, app.screen))
        await app.push_screen(Confirm("지울까요?", "지우기"))
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert not any("English" in one.title or "한국어" in one.title for one in commands(app, app.screen))
