"""The replies that are on their way now: begun, stopped, waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from kullm_tui.core.asking.live_reply import Change, LiveReply, ReplyRequest, generate


class LiveReplies:
    """Each runs in a task of its own, so that nobody's going ends it."""

    def __init__(self, tell: Callable[[LiveReply, Change], None]) -> None:
        self._tell = tell
        self._live: dict[int, LiveReply] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def __getitem__(self, reply_id: int) -> LiveReply | None:
        return self._live.get(reply_id)

    @property
    def all(self) -> list[LiveReply]:
        return list(self._live.values())

    def of(self, conversation_id: int) -> list[LiveReply]:
        return [reply for reply in self._live.values() if reply.conversation_id == conversation_id]

    @property
    def conversations(self) -> frozenset[int]:
        return frozenset(reply.conversation_id for reply in self._live.values())

    def start(self, request: ReplyRequest, reply: LiveReply) -> None:
        self._live[reply.reply_id] = reply
        generating = generate(request, reply, partial(self._changed, reply))
        self._tasks[reply.reply_id] = asyncio.create_task(generating, name=f"reply {reply.reply_id}")

    def _changed(self, reply: LiveReply, change: Change) -> None:
        if change == "ended":
            self._live.pop(reply.reply_id, None)
            self._tasks.pop(reply.reply_id, None)
        self._tell(reply, change)

    def stop(self, reply: LiveReply) -> None:
        task = self._tasks.get(reply.reply_id)
        if task:
            reply.stopped = True
            # Behind its first step: a task that is cancelled before it would write down no end.
            asyncio.get_running_loop().call_soon(task.cancel)

    async def until_ended(self, chosen: Iterable[LiveReply]) -> None:
        """Until each of these is written down."""
        tasks = {task for reply in chosen if (task := self._tasks.get(reply.reply_id))}
        if tasks:
            await asyncio.wait(tasks)

    async def wait_for_ending(self, chosen: Iterable[LiveReply]) -> None:
        """Until those of which nothing more comes are written down."""
        await self.until_ended([reply for reply in chosen if reply.ending])

    async def close(self) -> None:
        """Stop them all, and wait until each is written down."""
        await self.stop_and_wait(self.all)

    async def stop_and_wait(self, chosen: Iterable[LiveReply]) -> None:
        stopped = list(chosen)
        for reply in stopped:
            self.stop(reply)
        await self.until_ended(stopped)
