"""What nobody wishes for, through the whole app: hostile and endless texts, another's database, a size and a clock that jump."""

import re
import time
from contextlib import closing
from pathlib import Path

import pytest

from kullm_tui.core.store.database import Database
from kullm_tui.core.store.store import Store
from kullm_tui.core.transfer.import_file import import_file
from kullm_tui.ui.app import KullmApp
from tests.far_words import Words
from tests.openai_server import OpenAIServer, Reply, refuses, says
from tests.ui.browsing import until
from tests.ui.chatting import Chat, chatting
from tests.ui.real_terminal import AppTerminal, drawn, left_switched_on, strange_escapes
from tests.ui.snapshot import text_of

_NASTY = "가\x1b]52;c;cm0=\x07\x1b[2J\x9b31m\x9d0;x\x9c\u202e나\u2066[/x][bold][@click=app.quit]\ud7b0\x00다"
_ENDLESS = "길" * 1_000_000
_OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _is_harmless(shown: str) -> bool:
    return not _OBEYED.search(shown)


@pytest.mark.parametrize("text", [_NASTY, _ENDLESS, _NASTY + _ENDLESS], ids=["nasty", "endless", "both"])
async def test_a_reply_a_prompt_and_an_error_of_any_kind_are_only_text(database: Path, text: str) -> None:
    with OpenAIServer([says(text), refuses(400, text), says("괜찮아요")]) as server:
        async with chatting(database, server=server) as chat:
            await _sent(chat, text)
            await _sent(chat, text)
            assert chat.turns[-1].state == "failed"
            await chat.until(lambda: chat.told("✗"))
            assert (await chat.asks("아직 있나요?")).content == "괜찮아요"
            assert _is_harmless(chat.shown)


async def _sent(chat: Chat, text: str) -> None:
    count = len(chat.turns)
    chat.screen.prompt.set(text)
    await chat.pilot.press("enter")
    await chat.until(lambda: len(chat.turns) == count + 2)
    await chat.answered()
    assert _is_harmless(chat.shown)


async def test_the_longest_error_leaves_room_for_the_thread(database: Path) -> None:
    with OpenAIServer([refuses(400, _ENDLESS)]) as server:
        async with chatting(database, server=server, size=(80, 24)) as chat:
            await chat.asks("물음")
            assert chat.screen.thread.max_scroll_y < 60
            await chat.until(lambda: chat.told("^r 다시 물어보기"))


async def test_an_imported_conversation_of_any_kind_is_listed_found_and_opened(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "chat.md"
    with Store(database) as store:
        from kullm_tui.core.records import Message
        from kullm_tui.core.transfer.markdown import markdown

        one = store.create_conversation("씨앗")
        store.add_user_turn(one.id, Message("user", f"{_NASTY} 찾을말 {_ENDLESS}"), parent_id=None)
        store.rename(one.id, _NASTY)
        file.write_text(markdown(next(store.portable([one.id]))), encoding="utf-8", errors="replace")
        store.purge(one.id)
        import_file(store, file)
    async with chatting(database) as chat:
        await chat.pilot.press("f6")
        await chat.types("찾을말")
        await chat.until(lambda: chat.told("찾을말 길길"))
        assert _is_harmless(chat.shown)
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.turns)
        await chat.pilot.pause()
        assert _is_harmless(chat.shown)


async def test_a_newer_kullms_conversations_are_left_alone_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    path = tmp_path / "kullm.db"
    with closing(Database(path)) as opened, opened.transaction() as connection:
        connection.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    app = KullmApp()
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "더새로운kullm" in "".join(text_of(app).split()))
        await pilot.press(*"그래도", "enter")
        await pilot.pause(0.3)
        await until(pilot, lambda: "그래도" in text_of(app))  # what was written is still there
        assert app.is_running
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.glob("*damaged*")] == []


def test_a_terminal_that_changes_its_size_in_mid_stream(tmp_path: Path) -> None:
    words = Words(pause=0.01)
    with OpenAIServer([Reply(words)]) as far:
        (tmp_path / "config.toml").write_text(
            f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{far.base_url}"\n'
        )
        with AppTerminal(tmp_path) as terminal:
            terminal.waits_for("무엇이든 물어보세요")
            terminal.types("세어 줘")
            terminal.waits_for("세어 줘")
            terminal.types("\r")
            words.waits_for_the_first()
            for columns, lines in ((140, 45), (40, 12), (20, 5), (1, 1), (200, 60), (99, 24), (101, 24), (80, 24)):
                terminal.resize(columns, lines)
                terminal.reads(0.15)
            mark = len(terminal.written)
            terminal.waits_for(f"{len(words.sent) + 20} ", since=mark)
            terminal.types("\x1b")
            terminal.waits_for("중단됨", since=mark)
            terminal.types("\x11")
            assert terminal.ends() == 0
            assert strange_escapes(terminal.written) == []
            assert left_switched_on(terminal.written) == []
            assert "Traceback" not in drawn(terminal.written)
    with Store(tmp_path / "kullm.db") as store:
        reply = store.thread(store.conversations()[0].id)[-1]
    kept = [int(word) for word in reply.content.split()]
    assert kept == list(range(1, len(kept) + 1))


async def test_a_clock_that_jumps_loses_nothing_and_moves_nothing(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with OpenAIServer([says("하나"), says("둘"), says("셋")]) as server:
        async with chatting(database, server=server, size=(140, 40)) as chat:
            for question, offset in (("처음", 0), ("십년뒤", 3650 * 86400), ("도로옛날", -3650 * 86400)):
                monkeypatch.setattr(time, "time", lambda offset=offset: now + offset)
                await chat.pilot.press("ctrl+n")
                reply = await chat.asks(question)
                assert reply.state == "complete"
                assert reply.timings["client_total_ms"] >= 0
            titles = [one.title for one in chat.app.store.conversations()]
            assert titles == ["도로옛날", "십년뒤", "처음"]
            await chat.until(lambda: chat.told("도로옛날") and chat.told("처음"))
            await chat.pilot.press("ctrl+q")
            await chat.until(lambda: not chat.app.is_running)
