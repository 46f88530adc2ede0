"""Conversations into files and in from files, from the sidebar and from the palette."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from textual.widgets import Input

from kullm_tui.core.errors import ImportRefused
from kullm_tui.core.store.store import Store
from kullm_tui.core.transfer.export_file import export_file
from kullm_tui.core.transfer.import_file import import_file
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.chat import transfer
from kullm_tui.ui.dialogs.ask import AskLine, Confirm
from kullm_tui.ui.dialogs.open_file import OpenFile
from kullm_tui.ui.palette import commands
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import Chat, chatting


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


async def _to_rows(chat: Chat) -> None:
    await chat.pilot.press("f6", "down")
    await chat.until(lambda: chat.screen.sidebar.chosen)


async def _answers(chat: Chat, dialog: type, text: str) -> None:
    await chat.until(lambda: isinstance(chat.app.screen, dialog) and chat.app.screen.query(Input))
    chat.app.screen.query_one(Input).value = text
    await chat.pilot.press("enter")


async def _picks(chat: Chat, title: str) -> None:
    """A command of the palette."""
    next(one for one in commands(chat.app, chat.app.screen) if one.title == title).run()


async def test_the_chosen_conversation_goes_into_a_file_named_after_it(database: Path, home: Path) -> None:
    with OpenAIServer([says("**서울**이에요.")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("수도는 서울/부산?")
            await _to_rows(chat)
            await chat.pilot.press("e")
            await chat.until(lambda: isinstance(chat.app.screen, AskLine))
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.told("대화 1개를"))
    [file] = home.iterdir()
    assert file.suffix == ".md"
    assert "/" not in file.name
    assert "서울 부산" in file.name
    assert "**서울**이에요." in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("home")
async def test_in_hangul_mode_too(database: Path) -> None:
    with OpenAIServer([says("하나")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await _to_rows(chat)
            await chat.pilot.press("ㄷ")
            await chat.until(lambda: isinstance(chat.app.screen, AskLine))


async def test_a_file_is_replaced_only_when_told_so(database: Path, home: Path) -> None:
    there = home / "있던.md"
    there.write_text("그대로")
    with OpenAIServer([says("하나")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await _picks(chat, "이 대화 내보내기")
            await _answers(chat, AskLine, str(there))
            await chat.until(lambda: isinstance(chat.app.screen, Confirm))
            await chat.pilot.press("enter")  # the focus is on the button that does nothing
            await chat.until(lambda: chat.app.screen is chat.screen)
            assert there.read_text() == "그대로"


async def test_all_conversations_come_back_from_their_file(database: Path, home: Path, tmp_path: Path) -> None:
    with OpenAIServer([says("하나"), says("둘")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("첫째")
            await chat.pilot.press("ctrl+n")
            await chat.asks("둘째")
            await _picks(chat, "모든 대화 내보내기")
            await _answers(chat, AskLine, "~/모두.md")
            await chat.until(lambda: chat.told("마크다운은 대화를 하나씩만 담아요"))
            await _answers(chat, AskLine, "~/모두.jsonl")
            await chat.until(lambda: chat.told("대화 2개를"))
    async with chatting(tmp_path / "other.db") as chat:
        await _picks(chat, "대화 가져오기")
        await _answers(chat, OpenFile, str(home / "모두.jsonl"))
        await chat.until(lambda: chat.told("모두.jsonl에서 가져왔어요: 새 대화 2개"))
        await chat.until(lambda: chat.told("첫째"))
        assert {one.title for one in chat.app.store.conversations()} == {"첫째", "둘째"}
        await _picks(chat, "대화 가져오기")
        await _answers(chat, OpenFile, str(home / "모두.jsonl"))
        await chat.until(lambda: chat.told("이미 있는 대화 2개"))


async def test_what_is_wrong_with_a_file_is_told(database: Path, home: Path) -> None:
    (home / "cut.jsonl").write_text(json.dumps({"kullm": "conversations", "version": 1, "conversations": 3}) + "\n")
    async with chatting(database) as chat:
        await _picks(chat, "대화 가져오기")
        await _answers(chat, OpenFile, str(home / "없음.jsonl"))
        await chat.until(lambda: chat.told("그런 파일이 없어요: 없음.jsonl"))
        await _answers(chat, OpenFile, str(home / "cut.jsonl"))
        await chat.until(lambda: chat.told("cut.jsonl:"))
        assert chat.app.store.conversations() == []


async def test_no_conversation_no_file(database: Path, home: Path) -> None:
    async with chatting(database) as chat:
        await _picks(chat, "모든 대화 내보내기")
        await chat.until(lambda: chat.told("저장할 대화가 없어요"))
    assert list(home.iterdir()) == []


async def test_progress_that_comes_late_does_not_stand_over_the_outcome(
    database: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, late, usual = _many(home), list[Callable[[], None]](), KullmApp.call_later

    def held_up(app: KullmApp, callback: Callable[..., Any], *arguments: Any) -> bool:
        if arguments and "/200" in str(arguments[0]):
            late.append(partial(callback, *arguments))
            return True
        return usual(app, callback, *arguments)

    monkeypatch.setattr(transfer, "progress", partial(transfer.progress, every=0.0))
    monkeypatch.setattr(KullmApp, "call_later", held_up)
    async with chatting(database) as chat:
        await _picks(chat, "대화 가져오기")
        await _answers(chat, OpenFile, str(file))
        await chat.until(lambda: chat.told("새 대화 200개"))
        assert late
        for one in late:
            one()
        await chat.pilot.pause()
        assert chat.told("새 대화 200개")


@dataclass
class _App:
    """As much of the app as a thread that imports sees."""

    is_running: bool = True

    def call_later(self, callback: Callable[..., None], *arguments: Any) -> None:
        callback(*arguments)


def _many(home: Path) -> Path:
    """A file of two hundred conversations, as the export writes it."""
    with Store(home / "many.db") as store:
        for number in range(200):
            store.create_conversation(f"질문 {number}", system="지시")
        export_file(store, [], home / "many.jsonl")
    return home / "many.jsonl"


def test_an_import_ends_with_the_app_and_leaves_nothing_half(database: Path, home: Path) -> None:
    told: list[str] = []
    app = _App()

    def tell(text: str) -> None:
        told.append(text)
        app.is_running = len(told) < 50

    with Store(database) as store:
        with pytest.raises(ImportRefused, match="가져오기를 취소했어요"):
            import_file(store, _many(home), partial(transfer.progress(tell, every=0.0), cast("KullmApp", app)))
        assert told[-1] == "가져오는 중 … 50/200"
        assert store.conversations() == []
