"""When a pause of Textual's pilot ends: once nothing is due any more, as the event loop tells it. And typing with one of them.

Textual itself looks at the processor's time, twice for each key, a fiftieth of a second at least: where a reply streams, up to a second;
and a process that on a busy machine waits for its turn is taken for one that has nothing to do.
"""

import asyncio
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from typing import Any

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

_LOOKS = 3  # one after another at which nothing was due
_BETWEEN_SECONDS = 0.002
_FRAME_SECONDS = 1 / 60  # after which Textual paints what has changed
# A call that has been with its thread so long is not what a key has begun: a run, an engine's start.
_LASTING_SECONDS = 1.0
# Where a reply streams, something is always due, or some thread writes it down: so many turns of the loop, and so long.
_TURNS = 40
_LONGEST_SECONDS = 5.0


def last_until_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here: nothing to do now or within a frame, and no thread at work for the loop."""
    with_threads: dict[Any, float] = {}
    hand_over: Callable[..., Any] = BaseEventLoop.run_in_executor

    def handed_over(loop: BaseEventLoop, *work: Any) -> Any:
        future = hand_over(loop, *work)
        with_threads[future] = loop.time()
        future.add_done_callback(with_threads.pop)
        return future

    def threads_work(loop: asyncio.AbstractEventLoop) -> bool:
        return any(loop.time() - since < _LASTING_SECONDS for since in with_threads.values())

    async def wait(_min_sleep: float = 0, _max_sleep: float = 0) -> None:
        loop, looks = asyncio.get_running_loop(), 0
        deadline = loop.time() + _LONGEST_SECONDS
        for _ in range(_TURNS):
            await asyncio.sleep(_BETWEEN_SECONDS)
            while threads_work(loop) and loop.time() < deadline:
                looks = 0
                await asyncio.sleep(_BETWEEN_SECONDS)
            looks = 0 if _is_due(loop) else looks + 1
            if looks == _LOOKS:
                return

    monkeypatch.setattr(BaseEventLoop, "run_in_executor", handed_over)
    monkeypatch.setattr("textual.pilot.wait_for_idle", wait)
    monkeypatch.setattr("textual.app.wait_for_idle", wait)


def _is_due(loop: Any) -> bool:
    soon = loop.time() + _FRAME_SECONDS
    return bool(loop._ready) or any(timer.when() < soon for timer in loop._scheduled if not timer.cancelled())


async def types(pilot: Pilot[Any], text: str) -> None:
    """All its keys at once and one pause, where `press` pauses after each: an app that is slower than who types gets them like this."""
    driver = pilot.app._driver
    assert driver
    for character in text[:-1]:
        key = character if character.isalnum() else _character_to_key(character)
        driver.send_message(events.Key(key, character))
    await pilot.press(text[-1])
