"""The collector stops everything while it looks through all that lives: not while somebody types or a reply comes."""

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.ui.terminal import collector
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import chatting

_LONG = 3600.0  # nobody's machine is so slow that it is over meanwhile


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """When all was looked through."""
    found: list[float] = []
    monkeypatch.setattr(gc, "collect", lambda: found.append(time.monotonic()))
    before = gc.get_threshold()
    yield found
    gc.set_threshold(*before)
    gc.unfreeze()


async def test_all_that_lives_is_looked_through_once_nobody_minds(
    database: Path, collected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "_LOOKED_SECONDS", 0.05)
    with OpenAIServer([says(*["글 "] * 2000, pause=0.02)]) as server:
        async with chatting(database, server=server) as chat:
            chat.app.collect_when_quiet()
            chat.app.last_touched = time.monotonic() + _LONG
            await chat.pilot.pause(0.3)
            assert not collected, "somebody has just typed"
            chat.app.last_touched -= 2 * _LONG
            await chat.until(lambda: collected)
            await chat.sends("끝없이 말해 줘")
            await chat.until(lambda: chat.told("글 글 글"))
            collected.clear()
            chat.app.last_touched -= 2 * _LONG
            await chat.pilot.pause(0.3)
            assert not collected, "a reply is on its way"
            await chat.pilot.press("escape")
            await chat.answered()
            chat.app.last_touched -= 2 * _LONG
            await chat.until(lambda: collected)
