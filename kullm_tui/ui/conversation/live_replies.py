"""The replies that are on their way now, whichever conversation is on the screen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary, WeakSet

from textual.app import App
from textual.dom import DOMNode
from textual.worker import Worker, WorkerError

from kullm_tui.ui.conversation.live_reply import Change, LiveReply, Order, generate
from kullm_tui.ui.conversation.messages import ReplyEnded, ReplyGrew, ReplySaved, ReplyWaits

if TYPE_CHECKING:
    from kullm_tui.core.asking.thinking import ThinkingWish
    from kullm_tui.ui.conversation.host import ConversationHost

_of_app: WeakKeyDictionary[App[Any], WeakSet[Replies]] = WeakKeyDictionary()


def under_way(app: App[Any]) -> list[LiveReply]:
    """The replies of every screen of the app."""
    return [reply for replies in _of_app.get(app, ()) for reply in replies.all]


async def stop_all(app: App[Any]) -> None:
    for replies in list(_of_app.get(app, ())):
        await replies.close()


async def stop_here(app: App[Any]) -> None:
    """The replies that this machine's engine makes, each written down as far as it came."""
    for replies in list(_of_app.get(app, ())):
        await replies.stop_and_wait(reply for reply in replies.all if reply.here)


class Replies:
    """They run in workers of the screen that listens, so that no other screen's going ends them."""

    def __init__(self, listener: DOMNode) -> None:
        self._listener = listener
        self._live: dict[int, LiveReply] = {}
        self._workers: dict[int, Worker[None]] = {}
        self._untaken: set[int] = set()  # told to have grown, and nobody looked yet

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

    def start(self, order: Order, reply: LiveReply) -> None:
        _of_app.setdefault(self._listener.app, WeakSet()).add(self)
        order = replace(order, thinking=self._wish)
        self._live[reply.reply_id] = reply
        self._workers[reply.reply_id] = self._listener.run_worker(
            generate(order, reply, partial(self._tell, reply)),
            name=f"reply {reply.reply_id}",
            group=f"replies of {reply.conversation_id}",
            exit_on_error=False,
        )

    @property
    def _wish(self) -> ThinkingWish:
        return self._host.config.thinking

    @property
    def _host(self) -> ConversationHost:
        return cast("ConversationHost", self._listener.app)

    def stop(self, reply: LiveReply) -> None:
        worker = self._workers.get(reply.reply_id)
        if worker:
            reply.stopped = True
            worker.cancel()

    async def wait_for_ending(self, chosen: Iterable[LiveReply]) -> None:
        """Until those of which nothing more comes are written down."""
        for reply in chosen:
            worker = self._workers.get(reply.reply_id)
            if worker and reply.ending:
                with contextlib.suppress(WorkerError):
                    await worker.wait()

    async def close(self) -> None:
        """Stop them all, and wait until each is written down."""
        await self.stop_and_wait(self.all)

    async def stop_and_wait(self, chosen: Iterable[LiveReply]) -> None:
        workers = [worker for reply in chosen if (worker := self._workers.get(reply.reply_id))]
        for worker in workers:
            worker.cancel()
        for worker in workers:
            with contextlib.suppress(WorkerError):
                await worker.wait()

    def taken(self, reply: LiveReply) -> None:
        """What has arrived so far was looked at: the next piece is worth a message again."""
        self._untaken.discard(reply.reply_id)

    def _tell(self, reply: LiveReply, change: Change) -> None:
        if change == "ended":
            self._live.pop(reply.reply_id, None)
            self._workers.pop(reply.reply_id, None)
            self._listener.post_message(ReplyEnded(reply))
            if reply.unsaved:
                self._host.unsaved.add(reply, lambda saved: self._listener.post_message(ReplySaved(saved)))
        elif change == "waits":
            self._listener.post_message(ReplyWaits(reply))
        elif reply.reply_id not in self._untaken:
            self._untaken.add(reply.reply_id)
            self._listener.post_message(ReplyGrew(reply))
