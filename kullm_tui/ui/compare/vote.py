"""The vote on a round: what can be voted on, what was voted, who is still hidden; and the questions of a file, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.ui.compare import text
from kullm_tui.ui.compare.rounds import LastRound, last_round

if TYPE_CHECKING:
    from kullm_tui.core.store.comparisons import Comparison, Outcome, Vote
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.core.store.history import Turn
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.compare.question_file import QuestionRun
    from kullm_tui.ui.compare.view import ComparisonOnScreen


class Voting:
    """Of the comparison on the screen."""

    def __init__(self, controller: ComparisonOnScreen) -> None:
        self.votes: Sequence[Vote] = ()
        self.round: LastRound | None = None  # the last one, once it is over
        self.questions: QuestionRun | None = None
        self._controller = controller

    def forget(self) -> None:
        """Another comparison is on the screen."""
        self.votes, self.round = (), None

    @property
    def vote_of_round(self) -> Vote | None:
        return self.round.vote_among(self.votes) if self.round else None

    def hides(self, comparison: Comparison) -> bool:
        """Nobody has been told yet who is who."""
        return comparison.blind and not self.votes

    async def read(self, store: Store, comparison: Comparison) -> None:
        """The last round as it stands in the store, with the votes on it."""
        found = await asyncio.to_thread(_found, store, comparison)
        shown = self._controller.comparison
        if shown and shown.id == comparison.id:  # else another one is on the screen by now
            self.round, self.votes = found

    # -- votes ---------------------------------------------------------------------------------------------------------

    def cast(self, outcome: Outcome, winner: int | None = None) -> None:
        if self._controller.comparison and not self._controller.busy:
            self._controller.run(self._cast(self._controller.comparison, outcome, winner), group="voting")

    async def _cast(self, comparison: Comparison, outcome: Outcome, winner: int | None) -> None:
        """UsageError where there is nothing that could be chosen."""
        if self.round is None or not self.round.can_be_voted_on:
            raise UsageError(say("투표하려면 비교할 답이 두 개는 있어야 해요.", "A vote needs two replies to compare."))
        competing = self.round.competing
        if winner is not None and (winner >= len(competing) or competing[winner] is None):
            raise UsageError(say("이 칸에는 고를 답이 없어요.", "There is no reply in this column to choose."))
        controller, store = self._controller, await self._controller.screen.host.opened()
        was_hidden, first = controller.hidden, self.vote_of_round is None
        replies = [turn.id if turn else None for turn in competing]
        await asyncio.to_thread(store.comparisons.vote, comparison.id, replies, outcome, winner)
        if self.questions and first:
            self.questions = self.questions.with_vote()
        await self.read(store, comparison)
        controller.screen.notice()
        if was_hidden:
            for column in comparison.columns:
                await controller.show(column.place)
        controller.screen.tell_round()

    # -- a judge on pairs ----------------------------------------------------------------------------------------------

    def judge_pairs(self, place: int) -> None:
        """A judge on this column's reply against each of the others."""
        if self.round and not self._controller.busy:
            self._controller.run(self._judge_pairs(self.round, place), group="pairs")

    async def _judge_pairs(self, round_: LastRound, place: int) -> None:
        from kullm_tui.ui.compare.pair_judging import judge_against_others

        screen = self._controller.screen
        screen.notice(
            await judge_against_others(screen.host.judging, round_, place, self._controller.names, screen.notice)
        )

    async def tell_pairs(self) -> None:
        """What a judge has found between the columns already."""
        from kullm_tui.ui.compare.pair_judging import winner_between

        if self._controller.hidden:  # what was found under another name would give it away
            return
        found, screen = self.round, self._controller.screen
        told = (
            await asyncio.to_thread(winner_between, screen.host.judging, found, self._controller.names) if found else ""
        )
        if told and self.round is found:
            screen.notice(told)

    # -- the questions of a file ---------------------------------------------------------------------------------------

    async def take_up(self, questions: QuestionRun, contestants: Sequence[Contestant], system: str) -> None:
        """Each in a comparison of its own; those that these contestants have a vote on already are not asked again."""
        store = await self._controller.screen.host.opened()
        voted = await asyncio.to_thread(store.comparisons.voted_questions, contestants, system=system)
        await self._go_through(questions.resumed(voted))

    def goes_on(self) -> bool:
        """The next question of the file; False where there is none."""
        questions = self.questions
        if questions is None or questions.is_last or self._controller.busy:
            return False
        self._controller.run(self._go_through(questions.moved_on()))
        return True

    async def _go_through(self, questions: QuestionRun) -> None:
        self._controller.comparison, self.questions = None, questions
        self.forget()
        await self._controller.set_out()
        await self._controller.put(questions.question)


def _found(store: Store, comparison: Comparison) -> tuple[LastRound | None, Sequence[Vote]]:
    threads = [store.thread(column.conversation.id) for column in comparison.columns]
    return last_round(threads), store.comparisons.votes(comparison.id)


def masked(turn: Turn, comparison: Comparison, place: int) -> Turn:
    """The turn without the name of who said it, in what went wrong too."""
    if turn.role != "assistant":
        return turn
    letter, contestant = text.letter(place), comparison.columns[place].contestant
    error = turn.error or ""
    for name in filter(None, (contestant.adapter, contestant.model)):
        error = error.replace(name, letter)
    return replace(turn, model=letter, adapter=None, error=error or None)
