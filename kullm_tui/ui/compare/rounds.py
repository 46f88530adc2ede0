"""What the columns have in common: the last question that was put to several of them, with their replies to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kullm_tui.core.compare.runner import can_be_chosen

if TYPE_CHECKING:
    from kullm_tui.core.store.comparisons import Vote
    from kullm_tui.core.store.history import Turn


@dataclass(frozen=True)
class LastRound:
    """`questions` and `replies` are by place; None where a column was not asked, or did not answer."""

    questions: tuple[Turn | None, ...]
    replies: tuple[Turn | None, ...]

    @property
    def question(self) -> Turn:
        return next(one for one in self.questions if one)

    @property
    def competing(self) -> tuple[Turn | None, ...]:
        """The replies that can be voted on."""
        return tuple(one if one and can_be_chosen(one.state, one.content) else None for one in self.replies)

    @property
    def can_be_voted_on(self) -> bool:
        return sum(one is not None for one in self.competing) > 1

    def vote_among(self, votes: Iterable[Vote]) -> Vote | None:
        """The vote on this question, perhaps on an earlier reply to it."""
        here = {sibling for reply in self.replies if reply for sibling in reply.siblings}
        return next((vote for vote in votes if here.intersection(filter(None, vote.replies))), None)


def last_round(threads: Sequence[Sequence[Turn]]) -> LastRound | None:
    """None where nothing was asked of more than one column."""
    asked = [[_words(turn) for turn in turns if turn.role == "user"] for turns in threads]
    shared = [words for mine in asked for words in mine if sum(words in theirs for theirs in asked) > 1]
    if not shared:
        return None
    # The newest of them: the one that stands nearest to an end.
    words = min(dict.fromkeys(shared), key=lambda one: min(_from_end(mine, one) for mine in asked))
    pairs = [_pair(turns, words) for turns in threads]
    return LastRound(tuple(question for question, _ in pairs), tuple(reply for _, reply in pairs))


def _words(turn: Turn) -> tuple[str, str]:
    return turn.content, turn.input


def _from_end(asked: Sequence[tuple[str, str]], words: tuple[str, str]) -> int:
    return asked[::-1].index(words) if words in asked else len(asked) + 1


def _pair(turns: Sequence[Turn], words: tuple[str, str]) -> tuple[Turn | None, Turn | None]:
    """The last time that it was asked, and the reply below it."""
    for place in reversed(range(len(turns))):
        turn = turns[place]
        if turn.role == "user" and _words(turn) == words:
            below = turns[place + 1] if place + 1 < len(turns) else None
            return turn, below if below and below.role == "assistant" else None
    return None, None
