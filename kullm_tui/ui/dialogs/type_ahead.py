"""Keys and pastes reach what they were meant for, however fast they come.

Textual hands a key to what has the focus when the key is read; what the key before it did (a focus that moves, a dialog that opens) may still be
under way. Here a key that may move something is followed to its end before the next one is handed over. Text for a field moves nothing, and waits
for nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from textual import events
from textual.widgets._input import Input
from textual.widgets._text_area import TextArea

from kullm_tui.ui.keymap.own import OwnKeys
from kullm_tui.ui.terminal import hangul_keys

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

# After which keys go on although somebody has not finished: a key must always be able to end the app.
_LONGEST_SECONDS = 10.0

Typed = events.Key | events.Paste


class TypeAhead:
    def __init__(self, app: App[Any], own: OwnKeys, hand_over: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._own = own
        self._hand_over = hand_over
        self._waiting: deque[Typed] = deque()
        self._following: asyncio.Task[None] | None = None
        self._settled_on: object = None  # the screen that is known to be ready for keys

    async def take(self, event: Typed) -> None:
        """To be called by the app's own pump."""
        self._waiting.append(event)
        if self._following is None:
            await self._go_on()

    def close(self) -> None:
        self._waiting.clear()
        if self._following is not None:
            self._following.cancel()

    async def _go_on(self) -> None:
        self._following = None
        while self._waiting and self._following is None:
            if self._app.screen is not self._settled_on:  # a dialog that opened without a key
                self._following = asyncio.create_task(self._follow())
                return
            event = self._translated(self._waiting.popleft())
            if not self._is_text(event):
                self._following = asyncio.create_task(self._follow())  # it runs once this has been handed over
            await self._hand_over(event)

    def _translated(self, event: Typed) -> Typed:
        """What it means where it is handed over; a syllable may be several keys there."""
        if isinstance(event, events.Paste):
            return event
        focused = self._app.focused
        typing = focused is not None and focused.check_consume_key(event.key, event.character)
        first, *rest = hangul_keys.pressed(event, typing=typing)
        self._waiting.extendleft(reversed(rest))
        return self._own.pressed(first)

    def _is_text(self, event: Typed) -> bool:
        focused = self._app.focused
        if not isinstance(focused, Input | TextArea):
            return False
        return isinstance(event, events.Paste) or focused.check_consume_key(event.key, event.character)

    async def _follow(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled(), _LONGEST_SECONDS)
        self._settled_on = self._app.screen
        self._app.call_later(self._go_on)

    async def _settled(self) -> None:
        """Until every pump from the focus up to the app has worked off what it had, twice over without the focus going elsewhere:
        a key is answered by messages, and these by others."""
        before: object = None
        while True:
            here = (self._app.screen, self._app.focused)
            for pump in (self._app.focused or self._app.screen).ancestors_with_self:
                await _worked_off(pump)
            if here == before == (self._app.screen, self._app.focused):
                return
            before = here


async def _worked_off(pump: MessagePump) -> None:
    """Back once the pump has come to the end of what waits for it now, or has ended."""
    done = asyncio.Event()
    if not pump.call_later(done.set):
        return
    waiting = asyncio.ensure_future(done.wait())
    ends = [pump._task] if pump._task is not None else []
    try:
        await asyncio.wait([waiting, *ends], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
