"""A question that is written down, and the reply that is opened to it: for the chat, comparisons and `kullm ask` alike.

Every function here blocks on the disk. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kullm_tui.core.asking.live_reply import LiveReply, ReplyRequest
from kullm_tui.core.asking.messages import messages_of, system_of
from kullm_tui.core.records import Message
from kullm_tui.core.store.journal import ReplySource

if TYPE_CHECKING:
    from kullm_tui.core.asking.target import Target
    from kullm_tui.core.asking.thinking import ThinkingWish
    from kullm_tui.core.store.history import Conversation
    from kullm_tui.core.store.store import Store


@dataclass(frozen=True)
class Committed:
    """A question that is written down and waits for its reply."""

    conversation: Conversation
    question_id: int


@dataclass(frozen=True)
class Answerer:
    """Who answers, and how; or why nobody can be asked."""

    model: str  # as the user knows it
    adapter: str
    target: Target | None
    decoding: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def request(self) -> dict[str, Any]:
        """The fields that go out beside the messages."""
        return {**self.decoding, **({"adapter": self.adapter} if self.adapter else {})}

    @property
    def source(self) -> ReplySource:
        name, template = (self.target.name, self.target.template) if self.target else (self.model, None)
        return ReplySource(name, self.adapter or None, template, self.request)


def commit_question(
    store: Store, conversation: Conversation | None, parent_id: int | None, message: Message, system: str
) -> Committed:
    """The question under the turn it follows; a new conversation where there is none yet.

    A system text that changed since is written down in front of the question, where it begins to hold.
    """
    if conversation is None:
        conversation = store.create_conversation(message.content, system=system)
        parent_id = conversation.leaf_id
    else:
        before = store.thread(conversation.id, parent_id) if parent_id is not None else []
        if system_of(before) != system:
            parent_id = store.add_user_turn(conversation.id, Message("system", system), parent_id=parent_id)
    return Committed(conversation, store.add_user_turn(conversation.id, message, parent_id=parent_id))


def open_reply(
    store: Store, question: Committed, answerer: Answerer, thinking: ThinkingWish
) -> tuple[ReplyRequest, LiveReply]:
    """Of somebody who can be asked."""
    conversation, target = question.conversation, answerer.target
    assert target is not None
    messages = messages_of(store.thread(conversation.id, question.question_id))
    journal = store.open_reply(conversation.id, question.question_id, answerer.source)
    request = ReplyRequest(target, messages, answerer.request, journal, thinking)
    return request, LiveReply(conversation.id, journal.reply_id, conversation.title, here=target.endpoint is None)


def write_failure(store: Store, question: Committed, answerer: Answerer) -> int:
    """A reply that could not even be asked for, written down where it would have stood."""
    journal = store.open_reply(question.conversation.id, question.question_id, answerer.source)
    journal.finish("failed", error=answerer.fault)
    return journal.reply_id
