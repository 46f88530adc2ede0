"""The replies that are on their way now, whichever conversation is on the screen, and what they tell the screen that listens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary, WeakSet

from textual.app import App
from textual.dom import DOMNode

from kullm_tui.core.asking.live_replies import LiveReplies
from kullm_tui.core.asking.live_reply import Change, LiveReply, ReplyRequest
from kullm_tui.core.errors import KullmError
from kullm_tui.ui.conversation.messages import ReplyEnded, ReplyGrew, ReplySaved, ReplyWaits

if TYPE_CHECKING:
    from kullm_tui.ui.conversation.host import ConversationHost

logger = logging.getLogger(__name__)

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


class Replies(LiveReplies):
    def __init__(self, listener: DOMNode) -> None:
        super().__init__(self._post)
        self._listener = listener
        self._untaken: set[int] = set()  # told to have grown, and nobody looked yet

    def start(self, request: ReplyRequest, reply: LiveReply) -> None:
        _of_app.setdefault(self._listener.app, WeakSet()).add(self)
        super().start(request, reply)

    def taken(self, reply: LiveReply) -> None:
        """What has arrived so far was looked at: the next piece is worth a message again."""
        self._untaken.discard(reply.reply_id)

    def _post(self, reply: LiveReply, change: Change) -> None:
        if change == "ended":
            if reply.fault and not isinstance(reply.fault, KullmError):
                logger.error("a reply broke", exc_info=reply.fault)
            self._listener.post_message(ReplyEnded(reply))
            if reply.unsaved:
                self._host.unsaved.add(reply, lambda saved: self._listener.post_message(ReplySaved(saved)))
        elif change == "waits":
            self._listener.post_message(ReplyWaits(reply))
        elif reply.reply_id not in self._untaken:
            self._untaken.add(reply.reply_id)
            self._listener.post_message(ReplyGrew(reply))

    @property
    def _host(self) -> ConversationHost:
        return cast("ConversationHost", self._listener.app)
