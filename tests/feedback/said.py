"""What tests of feedback say in a store: conversations, replies, comparisons with votes."""

from kullm_tui.core.endpoints.endpoint import Finished
from kullm_tui.core.records import Message
from kullm_tui.core.store.comparisons import Contestant, Outcome
from kullm_tui.core.store.journal import FinalState, ReplySource
from kullm_tui.core.store.store import Store


def answered(
    store: Store,
    question: str,
    answer: str,
    *,
    state: FinalState = "complete",
    cut: bool = False,
    system: str = "",
    given: str = "",
) -> int:
    """The number of a reply in a conversation of its own."""
    conversation = store.create_conversation(question, system=system)
    return followed(store, conversation.id, conversation.leaf_id, question, answer, state=state, cut=cut, given=given)


def followed(
    store: Store,
    conversation: int,
    parent: int | None,
    question: str,
    answer: str,
    *,
    model: str = "kullm-5.8b",
    state: FinalState = "complete",
    cut: bool = False,
    given: str = "",
) -> int:
    """The number of the reply to one more question."""
    asked = store.add_user_turn(conversation, Message("user", question, given), parent_id=parent)
    with store.open_reply(conversation, asked, ReplySource(model, template="kullm-v2")) as journal:
        journal.feed(answer)
        journal.finish(state, finished=Finished("length", timings={"cut_at_length": 1.0}) if cut else None)
    return journal.reply_id


def compared(
    store: Store, question: str, answers: list[str], outcome: Outcome, winner: int | None = None, *, cut: int = -1
) -> list[int]:
    """The numbers of the replies of a round that was voted on."""
    contestants = [Contestant(f"model-{place}") for place in range(len(answers))]
    comparison = store.comparisons.create(question, contestants)
    replies = [
        followed(store, column.conversation.id, None, question, answer, model=f"model-{place}", cut=place == cut)
        for place, (column, answer) in enumerate(zip(comparison.columns, answers, strict=True))
    ]
    store.comparisons.vote(comparison.id, replies, outcome, winner)
    return replies
