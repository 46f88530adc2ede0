"""The conversations' file in trouble while the app uses it: damaged pages, another app, a full disk. It is told, and the app goes on."""

import signal
import threading
import time
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import Config
from kullm_tui.core.errors import StoreMoved
from kullm_tui.core.records import Message
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.recovery import open_again
from kullm_tui.core.store.store import Store
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.conversation import store_access
from tests.kullm_command import COMMAND
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import Chat, chatting
from tests.ui.real_terminal import AppTerminal, drawn

_PAGE = 4096
_MANY = 80


def _filled(path: Path) -> None:
    with Store(path) as store:
        for number in range(_MANY):
            one = store.create_conversation(f"{number}번 대화")
            question = store.add_user_turn(one.id, Message("user", f"질문 {number}"), parent_id=None)
            with store.open_reply(one.id, question, ReplySource("far/model")) as journal:
                journal.feed(f"표식{number}끝 " + "가나다 " * 300)


def _damage(path: Path, mark: str) -> bytes:
    """The page that holds the words, deep in the file, as a broken disk leaves it; these bytes."""
    data = bytearray(path.read_bytes())
    page = data.index(mark.encode()) // _PAGE * _PAGE
    assert page > 4 * _PAGE
    broken = b"\xa5" * _PAGE
    data[page : page + _PAGE] = broken
    path.write_bytes(data)
    return broken


@pytest.fixture
def slow_openings_are_told() -> None:
    """As the app does."""


def _aside(path: Path) -> list[Path]:
    return [file for file in path.parent.glob("kullm.db.damaged-*") if not file.name.endswith(("-wal", "-shm"))]


def _named(store: Store, number: int) -> Conversation:
    return next(one for one in store.conversations() if one.title == f"{number}번 대화")


async def test_damage_that_is_found_while_one_reads_is_told_and_the_rest_goes_on(database: Path) -> None:
    _filled(database)
    with OpenAIServer([says("새 답"), says("이어진 답")]) as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("이 파일에서 처음 묻는 것")
            broken = _damage(database, "표식40끝")
            other = chat.controller.conversation
            assert other
            chat.controller.open(_named(chat.app.store, 40))
            await chat.until(lambda: chat.told("따로 옮겨 두었어요") and chat.controller.conversation)
            await chat.until(lambda: len(chat.screen.sidebar.store.conversations()) > _MANY - 5)  # type: ignore[union-attr]
            (aside,) = _aside(database)
            bytes_aside = aside.read_bytes()
            assert broken in bytes_aside, "as it was found"
            assert "표식39끝".encode() in bytes_aside
            chat.controller.open(other)
            await chat.until(lambda: chat.controller.conversation and chat.controller.conversation.id == other.id)
            await chat.until(lambda: [turn.content for turn in chat.turns] == ["이 파일에서 처음 묻는 것", "새 답"])
            assert (await chat.asks("이어서")).content == "이어진 답"
            await chat.app._storing.close()
    with Store(database) as store:
        assert len(store.thread(other.id)) == 4
        kept = [one.title for one in store.conversations()]
        assert {f"{number}번 대화" for number in range(_MANY)} <= set(kept)
        assert store.search("표식7끝")
        lost = [number for number in range(_MANY) if not store.search(f"표식{number}끝")]
        assert 40 in lost
        assert len(lost) < 5, "only what stood in the damaged page"


async def test_who_opens_another_conversation_while_the_new_file_is_read_stays_there(database: Path) -> None:
    _filled(database)
    async with chatting(database) as chat:
        chat.controller.open(_named(chat.app.store, 3))
        await chat.until(lambda: chat.turns)
        chat.controller.take_store(chat.app.store)
        chat.controller.open(_named(chat.app.store, 5))
        await chat.until(lambda: all(worker.is_finished for worker in chat.app.workers))
        assert chat.controller.conversation
        assert chat.controller.conversation.title == "5번 대화"
        await chat.until(lambda: [turn.content for turn in chat.turns][:1] == ["질문 5"])


async def test_damage_of_the_search_alone_loses_nothing(database: Path) -> None:
    _filled(database)
    with Store(database) as store:
        root = store._database._connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'message_words_data'"
        ).fetchone()[0]
    data = bytearray(database.read_bytes())
    data[(root - 1) * _PAGE : root * _PAGE] = b"\xa5" * _PAGE
    database.write_bytes(data)
    async with chatting(database) as chat:
        await chat.pilot.press("f6")
        await chat.types("표식")
        await chat.until(lambda: chat.told("따로 옮겨 두었어요"))
        await chat.until(lambda: chat.told("표식79끝"))
        await chat.app._storing.close()
    with Store(database) as store:
        assert all(store.search(f"표식{number}끝") for number in (0, 40, 79))
        assert len(store.thread(_named(store, 40).id)) == 2


def test_what_was_begun_stays_begun_and_what_was_deleted_stays_deleted(tmp_path: Path) -> None:
    path = tmp_path / "kullm.db"
    _filled(path)
    with Store(path) as store:
        store.delete(_named(store, 3).id)
        store.pin(_named(store, 5).id, True)
        streaming = store.open_reply(_named(store, 6).id, store.thread(_named(store, 6).id)[-1].id, ReplySource("x"))
        streaming._pieces.append("반쯤")
        streaming._save()
    _damage(path, "표식40끝")
    store = Store(path)
    with open_again(store) as again:
        assert again.notice is not None
        titles = [one.title for one in again.conversations()]
        assert titles[0] == "5번 대화"
        assert "3번 대화" not in titles
        last = again.thread(_named(again, 6).id)[-1]
        assert (last.content, last.state) == ("반쯤", "failed")


def test_two_programs_and_one_damaged_file_end_on_the_same_new_one(tmp_path: Path) -> None:
    path = tmp_path / "kullm.db"
    _filled(path)
    mine, theirs = Store(path), Store(path)
    mine.conversations()
    _damage(path, "표식40끝")
    with open_again(theirs) as new:
        with pytest.raises(StoreMoved):
            mine.create_conversation("이것은 옛 파일로 가면 안 된다")
        with pytest.raises(StoreMoved):
            mine.conversations()
        new.create_conversation("그쪽에서 연 대화")
        with open_again(mine) as same:
            assert same.notice is None
            assert [one.title for one in same.conversations()][0] == "그쪽에서 연 대화"
    assert len(_aside(path)) == 1


async def test_an_app_whose_file_another_one_put_aside_goes_on_with_the_new_one(database: Path) -> None:
    _filled(database)
    with OpenAIServer([says("여기 있어요")]) as server:
        async with chatting(database, server=server) as chat:
            with open_again(Store(database)):
                pass
            before = chat.screen.sidebar.store
            await chat.types("아직 있나요?")
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.screen.sidebar.store is not before and not chat.controller.busy)
            await chat.until(lambda: chat.turns or chat.screen.prompt.value.text)
            if not chat.turns:  # it was the question that found out; the words came back
                await chat.pilot.press("enter")
            assert (await chat.answered()).content == "여기 있어요"
            await chat.app._storing.close()
    with Store(database) as store:
        assert store.conversations()[0].title == "아직 있나요?"


def _configured(home: Path, far: OpenAIServer) -> None:
    (home / "config.toml").write_text(
        f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{far.base_url}"\n', encoding="utf-8"
    )


def _asks(terminal: AppTerminal, question: str) -> None:
    terminal.waits_for("무엇이든 물어보세요")
    terminal.types(question)
    terminal.waits_for(question)
    terminal.types("\r")


def _waits_until_none_streams(home: Path) -> None:
    with Store(home / "kullm.db") as store:
        while any(store.thread(one.id)[-1].state == "streaming" for one in store.conversations()):
            time.sleep(0.05)


def test_two_apps_write_into_one_file_at_once(tmp_path: Path) -> None:
    with OpenAIServer([says(*["조각 "] * 100, "끝이에요.", pause=0.02)] * 2) as far:
        _configured(tmp_path, far)
        with AppTerminal(tmp_path) as one, AppTerminal(tmp_path) as two:
            _asks(one, "첫 앱의 물음")
            _asks(two, "둘째 앱의 물음")
            for terminal in (one, two):
                terminal.waits_for("끝이에요.")
            _waits_until_none_streams(tmp_path)  # or quitting would ask whether to stop the reply
            for terminal in (one, two):
                terminal.types("\x11")
            assert (one.ends(), two.ends()) == (0, 0)
    with Store(tmp_path / "kullm.db") as store:
        threads = {one.title: store.thread(one.id) for one in store.conversations()}
    assert threads.keys() == {"첫 앱의 물음", "둘째 앱의 물음"}
    for turns in threads.values():
        assert [turn.state for turn in turns] == ["complete", "complete"]
        assert turns[1].content == "조각 " * 100 + "끝이에요."


def test_a_disk_that_fills_in_mid_stream_is_told_and_the_reply_is_read_to_its_end(tmp_path: Path) -> None:
    pieces = [f"{number}번째 조각입니다. " + "가나다라" * 200 + "\n\n" for number in range(60)]
    with OpenAIServer([says(*pieces, "여기가 끝이에요.", pause=0.05), says("그래도 답해요.")]) as far:
        _configured(tmp_path, far)
        with Store(tmp_path / "kullm.db"):
            pass
        # Files may not grow beyond this: the log of a reply that is written down again and again soon would.
        limited = ("/bin/sh", "-c", f"ulimit -f 800; exec {' '.join(COMMAND)}")
        with AppTerminal(tmp_path, command=limited, columns=100, lines=30) as terminal:
            _asks(terminal, "길게 말해 줘")
            terminal.waits_for("디스크가 가득")
            assert "여기가 끝이에요" in drawn(terminal.written), "it was read to its end"
            assert terminal._status is None
            mark = len(terminal.written)
            terminal.types("\x1bOP")
            terminal.waits_for("단축키", since=mark)
            terminal.types("\x1b")
            time.sleep(0.2)
            terminal.types("\x11")
            terminal.waits_for("끝낼까요?", since=mark)
            terminal.types("\x11")
            assert terminal.ends() in (0, 128 + signal.SIGTERM)
    with Store(tmp_path / "kullm.db") as store:
        question, reply = store.thread(store.conversations()[0].id)
    assert question.content == "길게 말해 줘"
    assert reply.state == "failed"
    assert reply.content.startswith("0번째 조각")


async def test_an_opening_that_takes_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setattr(store_access, "_SLOW_SECONDS", 0.05)
    let_go = threading.Event()
    really_opened = store_access._open_store

    def opened_late() -> Store:
        let_go.wait(60)
        return really_opened()

    monkeypatch.setattr(store_access, "_open_store", opened_late)
    app = KullmApp(config=Config())
    async with app.run_test(notifications=True) as pilot:
        chat = Chat(app, pilot)
        await chat.until(lambda: chat.told("대화 파일을 여는 데 시간이 걸리고 있어요"))
        let_go.set()
        await chat.until(lambda: chat.screen.sidebar.store is not None)
