"""Everything that was said of replies, as one thing: corrections, marks, votes and judges' verdicts, each with where it came from.

    the store      corrections, kept, never            a reply, with what led there
                   votes                               of a round, the best over each other; ties and all-bad prefer nothing
    verdicts       a judge that was asked in both orders and named the same reply
                                                       of the replies of a round, two by two

What is deleted says nothing. What is fit to train on is not decided here (lessons.py); `flaw` only notes what is wrong with a reply.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from evaluator.pairwise import Pair
from evaluator.verdicts import VerdictStore, evaluation_file
from evaluator.verdicts_about import last_winner
from kullm_tui.core.asking.messages import messages_of
from kullm_tui.core.records import Message
from kullm_tui.core.store.comparisons import Comparison, Vote
from kullm_tui.core.store.remarks import ReviewedReply
from kullm_tui.core.store.store import Store

Kind = Literal["correction", "kept", "never", "vote", "verdict"]
KINDS: tuple[Kind, ...] = ("correction", "kept", "never", "vote", "verdict")
# What is wrong with what was said of: one of the replies is not for training, or ends where nobody meant it to; the two read
# different turns before; the reply was corrected anew since; nothing was preferred.
Flaw = Literal["", "never", "cut", "other-prompt", "superseded", "tie", "bad"]


@dataclass(frozen=True)
class Where:
    """The message that was said of something, for whoever wants to see it again."""

    conversation: int
    message: int
    title: str
    comparison: int | None = None


@dataclass(frozen=True)
class Feedback:
    kind: Kind
    question: tuple[Message, ...]  # what led there, the system text apart
    chosen: str | None
    rejected: str | None
    models: tuple[str, ...]  # who gave the replies, the chosen one first; what a person wrote has none
    template: str
    where: Where
    when: float
    system: str = ""
    flaw: Flaw = ""
    rejected_flaw: Flaw = ""  # of the rejected reply alone: what was chosen may still be trained


def gather(store: Store, verdicts: VerdictStore | None = None) -> tuple[Feedback, ...]:
    """The newest first. Judges' verdicts only where their store is given."""
    said = [*_of_replies(store), *_of_votes(store), *(_of_verdicts(store, verdicts) if verdicts else ())]
    return tuple(sorted(said, key=lambda one: (one.when, one.where.message), reverse=True))


def gather_all(store: Store) -> tuple[Feedback, ...]:
    """With this user's verdicts, where there are any."""
    if not evaluation_file().is_file():
        return gather(store)
    with VerdictStore() as verdicts:
        return gather(store, verdicts)


def _of_replies(store: Store) -> Iterator[Feedback]:
    replies = store.reviewed()
    corrected = store.reviewed(one.corrects for one in replies.values() if one.corrects)
    newest = {one.corrects: one.id for one in replies.values() if one.corrects}  # oldest first: the last one stays
    for reply in replies.values():
        original = corrected.get(reply.corrects or 0)
        if original and original.led_by == reply.led_by:
            yield _correction(reply, original, is_newest=newest[original.id] == reply.id)
        if reply.mark == "keep":
            yield _feedback("kept", reply, None, flaw=_flaw_of(reply))
        elif reply.mark == "never":
            yield _feedback("never", None, reply, flaw="never")


def _correction(reply: ReviewedReply, original: ReviewedReply, *, is_newest: bool) -> Feedback:
    """Of a reply that is not for training, what stands for it is not either. Where a model gave it (pairs out of a file), it is preferred as by a vote."""
    flaw = _flaw_of(reply) or ("never" if original.mark == "never" else "" if is_newest else "superseded")
    return _feedback("vote" if reply.by else "correction", reply, original, flaw=flaw)


def _of_votes(store: Store) -> Iterator[Feedback]:
    votes = store.comparisons.votes()
    replies = store.reviewed(reply for vote in votes for reply in vote.replies if reply)
    for vote in votes:
        yield from _of_vote(vote, [replies.get(reply or 0) for reply in vote.replies])


def _of_vote(vote: Vote, replies: list[ReviewedReply | None]) -> Iterator[Feedback]:
    there = [reply for reply in replies if reply]
    best = None if vote.winner is None else replies[vote.winner]
    if best:
        for other in there:
            if other is not best:
                yield _preference("vote", best, other, vote.created)
    elif there and vote.outcome != "best":
        yield _feedback("vote", None, there[0], vote.created, flaw=vote.outcome, names=[one.by for one in there])


def _of_verdicts(store: Store, verdicts: VerdictStore) -> Iterator[Feedback]:
    for comparison in store.comparisons.latest(limit=-1):
        replies = store.reviewed(_replies_of(store, comparison))
        for one, other in combinations(replies.values(), 2):
            if one.conversation_id != other.conversation_id and messages_of(one.led_by) == messages_of(other.led_by):
                yield from _of_verdict(one, other, verdicts)


def _replies_of(store: Store, comparison: Comparison) -> Iterator[int]:
    for column in comparison.columns:
        yield from (turn.id for turn in store.thread(column.conversation.id) if turn.role == "assistant")


def _of_verdict(one: ReviewedReply, other: ReviewedReply, verdicts: VerdictStore) -> Iterator[Feedback]:
    question = one.led_by[-1]
    found = last_winner(Pair("", question.content, question.input, one.content, other.content), verdicts)
    if found == "left":
        yield _preference("verdict", one, other)
    elif found == "right":
        yield _preference("verdict", other, one)


def _preference(kind: Kind, best: ReviewedReply, other: ReviewedReply, when: float | None = None) -> Feedback:
    apart: Flaw = "" if messages_of(best.led_by) == messages_of(other.led_by) else "other-prompt"
    return _feedback(kind, best, other, when, flaw=_flaw_of(best) or _flaw_of(other) or apart)


def _feedback(
    kind: Kind,
    chosen: ReviewedReply | None,
    rejected: ReviewedReply | None,
    when: float | None = None,
    *,
    flaw: Flaw,
    names: Iterable[str] = (),
) -> Feedback:
    about = chosen or rejected
    assert about
    told = messages_of(about.led_by)
    return Feedback(
        kind,
        tuple(one for one in told if one.role != "system"),
        chosen.content if chosen else None,
        rejected.content if rejected and flaw not in ("tie", "bad") else None,
        tuple(filter(None, names or (one.by for one in (chosen, rejected) if one))),
        about.template,
        Where(about.conversation_id, about.id, about.title, about.comparison_id),
        about.created if when is None else when,
        next((one.content for one in told if one.role == "system"), ""),
        flaw,
        _flaw_of(rejected) if rejected else "",
    )


def _flaw_of(reply: ReviewedReply) -> Flaw:
    return "never" if reply.is_never else "cut" if reply.cut else ""
