"""From what is in the prompt to a reply on its way: whom to ask, the question committed, the reply opened.

Every function here blocks on the disk; the screen calls them in a thread. Nothing is sent from here.
"""

from dataclasses import dataclass, replace

from kullm_tui.core.asking.target import Target
from kullm_tui.core.asking.target import resolve as resolve_target
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import all_profiles, resolve
from kullm_tui.core.records import Message
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.ui.conversation.live_reply import LiveReply, Order
from kullm_tui.ui.conversation.personas import personas
from kullm_tui.ui.conversation.settings import Session, messages_of, system_of
from kullm_tui.ui.models.facts import ModelFacts


@dataclass(frozen=True)
class Committed:
    """A question that is written down and waits for its reply."""

    conversation: Conversation
    question_id: int


def target_of(session: Session, endpoints: tuple[EndpointSettings, ...]) -> tuple[Target, Session]:
    """Whom to ask, and the session with its adapter as that side knows it. Any KullmError says what to do next."""
    target = resolve_target(session.model, endpoints, adapter=session.adapter)
    return target, replace(session, adapter=target.adapter)


def commit_question(
    store: Store, conversation: Conversation | None, parent_id: int | None, message: Message, session: Session
) -> Committed:
    """The question under the turn it follows; a new conversation where there is none yet.

    A system text that changed since is written down in front of the question, where it begins to hold.
    """
    if conversation is None:
        conversation = store.create_conversation(message.content, system=session.system)
        parent_id = conversation.leaf_id
    else:
        before = store.thread(conversation.id, parent_id) if parent_id is not None else []
        if system_of(before) != session.system:
            parent_id = store.add_user_turn(conversation.id, Message("system", session.system), parent_id=parent_id)
    return Committed(conversation, store.add_user_turn(conversation.id, message, parent_id=parent_id))


def open_reply(store: Store, question: Committed, session: Session, target: Target) -> tuple[Order, LiveReply]:
    conversation = question.conversation
    turns = store.thread(conversation.id, question.question_id)
    source = ReplySource(target.name, session.adapter or None, target.template, session.request)
    journal = store.open_reply(conversation.id, question.question_id, source)
    store.choose_leaf(conversation.id, journal.reply_id)
    order = Order(target, messages_of(turns), session.request, journal)
    return order, LiveReply(conversation.id, journal.reply_id, conversation.title, here=target.endpoint is None)


def write_failure(store: Store, question: Committed, session: Session, error: str) -> int:
    """A reply that could not even be asked for, written down where it would have stood."""
    source = ReplySource(session.model, session.adapter or None, None, session.request)
    journal = store.open_reply(question.conversation.id, question.question_id, source)
    journal.finish("failed", error=error)
    store.choose_leaf(question.conversation.id, journal.reply_id)
    return journal.reply_id


def facts_of_model(session: Session, config: Config) -> ModelFacts:
    """A model that is not there any more is named all the same: the fault is told when it is asked."""
    persona = _persona_of(session)
    titles = {name: profile.title for name, profile in all_profiles().items()}
    try:
        reference = resolve(session.model, endpoints=config.endpoints)
    except KullmError:
        return ModelFacts(session.model, session.adapter, 0, demo=False, endpoint=False, titles=titles, persona=persona)
    return ModelFacts(
        title=titles.get(session.model) or reference.profile.called,
        adapter=session.adapter,
        context=reference.profile.context,
        demo=session.model.startswith("demo-"),
        endpoint=reference.profile.kind == "endpoint",
        titles=titles,
        persona=persona,
    )


def _persona_of(session: Session) -> str:
    """The title of the preset that the system text came from; of another text, that there is one."""
    if not session.system:
        return ""
    try:
        found = next((one for one in personas() if one.system == session.system), None)
    except KullmError:  # told where personas are chosen
        found = None
    return found.title if found else say("시스템 프롬프트 있음", "with a system prompt")
