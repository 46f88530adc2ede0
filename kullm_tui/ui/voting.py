"""The vote on a round: what can be voted on, what was voted, who is still hidden; and the questions of a file, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.ui import compare_words
from kullm_tui.ui.rounds import Round, last_round

if TYPE_CHECKING:
    from kullm_tui.core.comparisons import Comparison, Outcome, Vote
    from kullm_tui.core.history import Turn
    from kullm_tui.core.store import Store
    from kullm_tui.ui.question_set import QuestionRun


class Voting:
    """Of the comparison on the screen."""

    def __init__(self) -> None:
        self.votes: Sequence[Vote] = ()
        self.round: Round | None = None  # the last one, once it is over
        self.questions: QuestionRun | None = None

    def forget(self) -> None:
        """Another comparison is on the screen."""
        self.votes, self.round = (), None

    @property
    def vote_of_round(self) -> Vote | None:
        return self.round.vote_among(self.votes) if self.round else None

    def hides(self, comparison: Comparison) -> bool:
        """Nobody has been told yet who is who."""
        return comparison.blind and not self.votes

    async def look(self, store: Store, comparison: Comparison) -> None:
        """The last round as it stands in the store, with the votes on it."""
        self.round, self.votes = await asyncio.to_thread(_found, store, comparison)

    async def cast(self, store: Store, comparison: Comparison, outcome: Outcome, winner: int | None) -> None:
        """UsageError where there is nothing that could be chosen."""
        if self.round is None or not self.round.can_be_voted_on:
            raise UsageError(say("투표하려면 견줄 답이 둘은 있어야 해요.", "A vote needs two replies to compare."))
        competing = self.round.competing
        if winner is not None and (winner >= len(competing) or competing[winner] is None):
            raise UsageError(say("이 칸에는 고를 답이 없어요.", "There is no reply in this column to choose."))
        first = self.vote_of_round is None
        replies = [turn.id if turn else None for turn in competing]
        await asyncio.to_thread(store.comparisons.vote, comparison.id, replies, outcome, winner)
        if self.questions and first:
            self.questions = self.questions.with_vote()
        await self.look(store, comparison)


def _found(store: Store, comparison: Comparison) -> tuple[Round | None, Sequence[Vote]]:
    threads = [store.thread(column.conversation.id) for column in comparison.columns]
    return last_round(threads), store.comparisons.votes(comparison.id)


def masked(turn: Turn, comparison: Comparison, place: int) -> Turn:
    """The turn without the name of who said it, in what went wrong too."""
    if turn.role != "assistant":
        return turn
    letter, contestant = compare_words.letter(place), comparison.columns[place].contestant
    error = turn.error or ""
    for name in filter(None, (contestant.adapter, contestant.model)):
        error = error.replace(name, letter)
    return replace(turn, model=letter, adapter=None, error=error or None)
