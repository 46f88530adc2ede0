"""What a reply on its way tells the interface. The text itself stays in the LiveReply: a message only says that there is more."""

from textual.message import Message

from kullm_tui.core.asking.live_reply import LiveReply


class ReplyMessage(Message):
    def __init__(self, reply: LiveReply) -> None:
        super().__init__()
        self.reply = reply


class ReplyWaits(ReplyMessage):
    """Nothing to show yet; `reply.waiting` says what for."""


class ReplyGrew(ReplyMessage):
    """There is more text."""


class ReplyEnded(ReplyMessage):
    """It is over, one way or another; `reply.state` says which."""


class ReplySaved(ReplyMessage):
    """There was no room for it when it ended, and now it is written down."""
