"""Replies that the disk had no room for: tried again until there is, by themselves and when the app ends.

What cannot be written down stays on the screen; nobody has to remember it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

if TYPE_CHECKING:
    from textual.app import App
    from textual.timer import Timer

    from kullm_tui.core.asking.live_reply import LiveReply
    from kullm_tui.core.store.history import Turn

_AGAIN_SECONDS = 3.0


class Unsaved:
    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._waiting: dict[int, tuple[LiveReply, Callable[[LiveReply], object]]] = {}
        self._trying = asyncio.Lock()
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, reply: LiveReply, saved: Callable[[LiveReply], object]) -> None:
        """`saved` is told once it is written down."""
        self._waiting[reply.reply_id] = (reply, saved)
        if self._timer is None:
            self._timer = self._app.set_interval(_AGAIN_SECONDS, self._try)

    def over(self, turns: list[Turn]) -> list[Turn]:
        """The turns as they stand in the store, with all that was read of those that stand there in part."""
        waiting = {turn.id: self._waiting[turn.id][0] for turn in turns if turn.id in self._waiting}
        return [as_ended(turn, waiting[turn.id]) if turn.id in waiting else turn for turn in turns]

    def _try(self) -> None:
        self._app.run_worker(self.save_all(), group="unsaved", exit_on_error=False)

    async def save_all(self) -> bool:
        """Whether all are written down now. The first that finds no room speaks for the others."""
        async with self._trying:
            for reply, saved in list(self._waiting.values()):
                try:
                    await reply.save()
                except KullmError:
                    return False
                del self._waiting[reply.reply_id]
                saved(reply)
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
            return True


def as_ended(turn: Turn, reply: LiveReply) -> Turn:
    """The turn that was written down, with all that was read of it.

    A piece may have been written down just before the stop, and what the disk would not take was read all the same.
    """
    content, thinking = (
        max(kept, nfc(read), key=len) if not reply.resorted else nfc(read)
        for kept, read in ((turn.content, reply.text), (turn.thinking, reply.thinking))
    )
    error = reply.error or turn.error
    if reply.unsaved_why:
        again = say("공간이 생기면 자동으로 저장해요.", "It is saved by itself once there is room.")
        error = f"{reply.unsaved_why}\n{again}"
    return replace(turn, content=content, thinking=thinking, state=reply.state or "failed", error=error)
