"""A terminal that takes nothing: replies go on and are written down, the app can be ended, and what was missed is drawn afterwards."""

import contextlib
import os
import pty
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.store.history import Turn
from kullm_tui.core.store.store import Store
from kullm_tui.ui.terminal.output_writer import PatientWriter
from tests.far_words import Words
from tests.openai_server import OpenAIServer, Reply
from tests.ui.real_terminal import AppTerminal, left_switched_on

_WORDS = 400  # sent while nobody reads: what they paint is more than a terminal holds
_SECONDS = 240.0
_LINE = "가나다라 " * 200


@pytest.fixture
def unread() -> Iterator[tuple[PatientWriter, int]]:
    """A writer to a terminal, and the side of the terminal where nobody reads."""
    side, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as file:
        writer = PatientWriter(file)
        writer.start()
        yield writer, side
        with contextlib.suppress(OSError):
            os.close(side)  # which ends a write that waits
        writer.stop()
        writer.join(60)


def test_a_write_never_waits_and_nothing_is_lost(unread: tuple[PatientWriter, int]) -> None:
    """Nobody reads before all is written: one that waited would wait for ever."""
    writer, side = unread
    caught_up = threading.Event()
    for _ in range(300):
        writer.write(_LINE)
    assert writer.is_behind(caught_up.set)
    data = _read(side, 300 * len(_LINE.encode()))
    assert data.decode() == _LINE * 300
    assert caught_up.wait(60)
    assert not writer.is_behind(caught_up.set)


def _read(side: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += os.read(side, 65536)
    return data


def test_ending_does_not_wait_for_a_terminal_that_takes_nothing(unread: tuple[PatientWriter, int]) -> None:
    writer, _ = unread
    for _ in range(300):
        writer.write(_LINE)
    writer.stop()
    assert writer.is_alive(), "it is left waiting, and nobody with it"


def test_a_terminal_that_was_closed_ends_nothing(unread: tuple[PatientWriter, int]) -> None:
    writer, side = unread
    os.close(side)
    for _ in range(300):
        writer.write(_LINE)
    writer.stop()
    assert not writer.is_alive()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        (tmp_path / "config.toml").write_text(
            f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{server.base_url}"\n'
        )
        yield server


def _asked(home: Path, far: OpenAIServer) -> tuple[AppTerminal, Words]:
    words = Words(pause=0.01)
    far.script.append(Reply(words))
    terminal = AppTerminal(home, columns=140, lines=45)
    terminal.waits_for("무엇이든 물어보세요")
    terminal.types("끝없이 세어 줘")
    terminal.waits_for("끝없이 세어 줘")
    terminal.types("\r")
    words.waits_for_the_first()
    return terminal, words


def test_a_reply_is_written_down_in_time_while_nobody_reads_the_terminal(tmp_path: Path, far: OpenAIServer) -> None:
    terminal, words = _asked(tmp_path, far)
    with terminal, Store(tmp_path / "kullm.db") as store:
        while len(words.sent) < _WORDS:
            _waits_until_kept(store, len(words.sent))
        mark, missed = len(terminal.written), len(words.sent)
        terminal.waits_for(str(missed), since=mark)
        terminal.types("\x1b")
        terminal.waits_for("중단됨", since=mark)
        terminal.types("\x11")
        assert terminal.ends() == 0
        assert left_switched_on(terminal.written) == []


def test_a_signal_ends_the_app_and_keeps_the_reply_though_nobody_reads(tmp_path: Path, far: OpenAIServer) -> None:
    terminal, words = _asked(tmp_path, far)
    with terminal:
        with Store(tmp_path / "kullm.db") as store:
            _waits_until_kept(store, _WORDS)
        os.kill(terminal.pid, signal.SIGTERM)
        deadline = time.monotonic() + _SECONDS
        while os.waitid(os.P_PID, terminal.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.05)
        assert terminal.ends() == 128 + signal.SIGTERM
    with Store(tmp_path / "kullm.db") as store:
        reply = _reply(store)
    assert reply.state == "cancelled"
    assert len(reply.content.split()) >= _WORDS


def _waits_until_kept(store: Store, count: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while len(kept := _reply(store).content.split()) < count:
        assert time.monotonic() < deadline, f"{len(kept)} words are written down, not {count}"
        time.sleep(0.05)


def _reply(store: Store) -> Turn:
    return store.thread(store.conversations()[0].id)[-1]
