"""A long reply's end reaches a reader who looks elsewhere, in the way that the configuration names and no other."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual import events
from textual.drivers.headless_driver import HeadlessDriver

from kullm_tui.core.asking.live_reply import LiveReply
from kullm_tui.core.config.settings import Config, Notify, load_config, parse_config
from kullm_tui.core.errors import ConfigError
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.terminal.notifications import sequences
from tests.openai_server import OpenAIServer, Part, Reply, chunk, event
from tests.ui.chatting import chatting

_XTERM = {"TERM": "xterm-256color"}
_ITERM = {"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}
_FOOT = {"TERM": "foot"}
_TMUX = {"TERM": "tmux-256color", "TMUX": "/tmp/t,1,0", "LC_TERMINAL": "iTerm2"}
_SCREEN = {"TERM": "screen", "STY": "1.tty", "LC_TERMINAL": "iTerm2"}
_CONSOLE = {"TERM": "linux"}
_NINE, _SEVEN = "\x1b]9;끝났어요\a", "\x1b]777;notify;kullm;끝났어요\a"


@pytest.mark.parametrize(
    ("way", "environment", "told"),
    [
        ("", _XTERM, ["\a"]),
        ("auto", _XTERM, ["\a"]),
        ("auto", _ITERM, ["\a", _NINE]),
        ("auto", _FOOT, ["\a", _SEVEN]),
        ("auto", {**_XTERM, "VTE_VERSION": "7600"}, ["\a", _SEVEN]),
        ("auto", _TMUX, ["\a", "\x1bPtmux;\x1b\x1b]9;끝났어요\a\x1b\\"]),
        ("auto", _SCREEN, ["\a", "\x1bP\x1b]9;끝났어요\a\x1b\\"]),
        ("bell", _ITERM, ["\a"]),
        ("desktop", _XTERM, [_NINE]),
        ("desktop", _FOOT, [_SEVEN]),
        ("desktop", _CONSOLE, []),
        ("auto", _CONSOLE, ["\a"]),
        ("off", _ITERM, []),
    ],
)  # fmt: skip
def test_each_terminal_is_told_what_it_knows(way: Notify, environment: dict[str, str], told: list[str]) -> None:
    assert list(sequences("끝났어요", way, environment)) == told


def test_a_title_cannot_end_the_sequence_or_begin_another() -> None:
    nasty = "가\x07\x1b]52;c;cm0=\x07\x9d0;x\x9c\u202e나;다\n라" + "마" * 200
    (notice,) = sequences(nasty, "desktop", _XTERM)
    inner = notice.removeprefix("\x1b]9;").removesuffix("\a")
    assert inner.startswith("가나,다 라마")
    assert inner.isprintable()
    assert len(inner) <= 80


def test_the_configuration_takes_the_four_ways_and_no_other() -> None:
    for way in ("auto", "bell", "desktop", "off"):
        assert parse_config(f'notify = "{way}"').notify == way
    with pytest.raises(ConfigError, match="notify"):
        parse_config('notify = "loud"')


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the app writes, as if there were a terminal."""
    found: list[str] = []
    monkeypatch.setattr(HeadlessDriver, "write", lambda _, data: found.append(data))
    monkeypatch.setattr(HeadlessDriver, "is_headless", False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return found


@pytest.mark.parametrize(
    ("seconds", "away", "way", "rings"),
    [(30.0, True, "", 1), (30.0, True, "off", 0), (30.0, False, "", 0), (2.0, True, "", 0)],
    ids=["long and away", "switched off", "looked at", "short"],
)
async def test_a_reply_rings_when_it_was_long_and_nobody_looks(
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: list[str],
    seconds: float,
    away: bool,
    way: Notify,
    rings: int,
) -> None:
    monkeypatch.setattr(LiveReply, "seconds", seconds)
    looked_away = threading.Event()
    with OpenAIServer([Reply(_ending_after(looked_away))]) as server:
        async with chatting(database, server=server) as chat:
            await chat.app.choose_notify(way)
            await chat.sends("물음")
            if away:  # a key would bring the focus back
                chat.app.post_message(events.AppBlur())
                await chat.until(lambda: not chat.app.app_focus)
            looked_away.set()
            await chat.answered()
    assert written.count("\a") == rings


def _ending_after(moment: threading.Event) -> Iterator[Part]:
    yield chunk("끝")
    while not moment.is_set():
        yield 0.02
    yield chunk(finish="stop") + event("[DONE]")


async def test_a_terminal_that_tells_no_focus_is_looked_at_while_it_is_touched(chat_home: Path) -> None:
    assert chat_home
    app = KullmApp(config=Config())
    async with app.run_test() as pilot:
        await pilot.press("a")
        assert app.is_looked_at
        app.last_touched -= 60
        assert not app.is_looked_at
        app.post_message(events.AppFocus())
        await pilot.pause()
        assert app.is_looked_at
        await app.choose_notify("bell")
    assert load_config().notify == "bell"
