"""What the comparison does: one question put to every column, or to one; rounds stopped, asked again, voted on; comparisons opened.

The screen shows it. Everything that waits (disk, tokens, the network) happens in workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kullm_tui.core import records
from kullm_tui.core.errors import StoreError
from kullm_tui.core.language import say
from kullm_tui.ui.compare import text as compare_words
from kullm_tui.ui.compare.runner import Contest, Contests, Seat
from kullm_tui.ui.compare.selection import Choice
from kullm_tui.ui.compare.view import CompareView
from kullm_tui.ui.compare.vote import Voting, masked
from kullm_tui.ui.conversation.controller import Controller
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.live_reply import LiveReply, as_ended
from kullm_tui.ui.conversation.settings import question_of

if TYPE_CHECKING:
    from kullm_tui.core.store.comparisons import Column, Comparison
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.core.store.history import Turn
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.compare.column_thread import ColumnThread
    from kullm_tui.ui.compare.plan import Answering


class CompareController(Controller[CompareView]):
    def __init__(self, screen: CompareView, replies: Replies) -> None:
        super().__init__(screen)
        self.choice = Choice(self)
        self.comparison: Comparison | None = None
        self.voting = Voting(self)
        self.replies = replies
        self.contests = Contests(self.replies)
        self.only: int | None = None  # the column that the next question goes to
        self.known: Answering | None = None
        self._editing: Turn | None = None
        self._committing = asyncio.Lock()
        self._setting_out = asyncio.Lock()

    async def begin(self) -> None:
        """Once the screen is there: the store, and who was compared last."""
        await self.choice.begin()
        await self.screen.host.opened()
        await self.set_out()

    async def close(self) -> None:
        await self.contests.close()

    def take_store(self, store: Store) -> None:
        """Another file: what is on the screen is read from there, as far as it is there."""
        if self.comparison:
            self.run(self._read_again(store, self.comparison.id))

    async def _read_again(self, store: Store, comparison_id: int) -> None:
        try:
            self.open(await asyncio.to_thread(store.comparisons.get, comparison_id))
        except StoreError:
            self.open(None)

    # -- who is on the screen ------------------------------------------------------------------------------------------

    @property
    def contestants(self) -> tuple[Contestant, ...]:
        """As the columns stand, from the left."""
        if self.comparison:
            return tuple(column.contestant for column in self.comparison.columns)
        return self.choice.lineup.contestants

    @property
    def hidden(self) -> bool:
        return self.voting.hides(self.comparison) if self.comparison else self.choice.lineup.blind

    @property
    def titles(self) -> dict[str, str]:
        return dict(self.known.titles) if self.known else {}

    @property
    def names(self) -> list[str]:
        if self.hidden:
            return [compare_words.letter(place) for place in range(len(self.contestants))]
        return [compare_words.name_of(one, self.titles) for one in self.contestants]

    @property
    def busy(self) -> bool:
        """A question is being committed, or somebody has not finished."""
        return self._committing.locked() or self.contests.of(self.comparison) is not None

    def live(self, place: int) -> LiveReply | None:
        return self.contests.live(self.comparison.columns[place]) if self.comparison else None

    def waits(self, place: int) -> bool:
        """It is not its turn yet."""
        contest = self.contests.of(self.comparison)
        return bool(contest and self.comparison and contest.waits(self.comparison.columns[place].conversation.id))

    def turns(self, place: int) -> list[Turn]:
        return list(self.screen.columns.views[place].thread.turns)

    def _thread(self, place: int) -> ColumnThread | None:
        """None while the columns are being set out."""
        views = self.screen.columns.views
        return views[place].thread if place < len(views) else None

    # -- asking --------------------------------------------------------------------------------------------------------

    def ask(self, message: records.Message) -> None:
        self.run(self.put(message))

    async def put(self, message: records.Message) -> None:
        """To every column, or to the one that is addressed."""
        sent = False
        try:
            if not self._is_free():
                return
            async with self._committing:
                sent = await self._send(message)
        finally:
            if not sent:
                self.screen.prompt.give_back(message.content, message.input)
        await self._advance(self.contests.of(self.comparison))

    def _is_free(self) -> bool:
        if not self.busy:
            self.screen.notice()
            return True
        self.screen.notice(
            say("답이 오는 중이에요. esc로 멈춘 다음 보내 주세요.", "Replies are on their way. Stop them first: esc.")
        )
        return False

    async def _send(self, message: records.Message) -> bool:
        """False where nothing was committed."""
        only, editing = self.only, self._editing
        store = await self.screen.host.opened()
        asked = self.contestants if only is None else self.contestants[only : only + 1]
        answering = await self._answering(asked)
        if answering is None:
            return False
        comparison = self.comparison or await self._create(message.content)
        columns = [column for column in comparison.columns if column.contestant in asked]
        seats: dict[Contestant, Seat] = {}
        for column in columns:
            turns = self.turns(column.place)
            parent = turns[-1].id if turns else column.conversation.leaf_id
            parent = editing.parent_id if editing else parent
            seats[column.contestant] = await asyncio.to_thread(answering.commit, store, column, parent, message)
        self._begin(comparison, answering, seats)
        self.address(None)
        for column in columns:
            await self.show(column.place, seats[column.contestant].question.question_id)
        return True

    async def _create(self, title: str) -> Comparison:
        store, lineup = await self.screen.host.opened(), self.choice.lineup
        self.comparison = await asyncio.to_thread(
            store.comparisons.create, title, lineup.contestants, system=self.choice.session.system, blind=lineup.blind
        )
        self.screen.view.tell_heads()
        return self.comparison

    async def _answering(self, contestants: Sequence[Contestant]) -> Answering | None:
        """Who answers, and in which order; None where somebody may not be sent to."""
        from kullm_tui.ui.compare.plan import answering
        from kullm_tui.ui.dialogs.consent import may_send

        found = await asyncio.to_thread(answering, contestants, self.choice.session, self.screen.host.config)
        for target in found.targets:
            if not await may_send(self.screen.app, target):
                self.screen.notice(say("보내지 않았어요.", "Nothing was sent."))
                return None
        return found

    def _begin(self, comparison: Comparison, answering: Answering, seats: dict[Contestant, Seat]) -> None:
        waves = [[seats[one] for one in wave if one in seats] for wave in answering.waves]
        self.contests.begin(comparison, [wave for wave in waves if wave])
        self.voting.round = None
        if len(seats) > 1:
            self.screen.view.asked.tell_plan(answering.why)
        self.screen.tell_round()

    async def _advance(self, contest: Contest | None) -> None:
        """The next ones are asked; after the last, the round is over."""
        if contest is None:
            return
        store = await self.screen.host.opened()
        opened = await contest.advance(store, self.replies)
        for column in self.comparison.columns if self.comparison else ():
            if column.conversation.id in opened:
                await self.show(column.place, opened[column.conversation.id])
                if thread := self._thread(column.place):
                    thread.follow()
        if self.contests.ended(contest):
            self.tell_memory()
            self.announce(contest.seconds, say("비교가 끝났어요", "All have answered"))
            if self.comparison and self.comparison.id == contest.comparison_id:
                self.screen.notice()
                await self.look()
                self.screen.tell_all_finished()
        fault, contest.fault = contest.fault, None
        if fault:
            raise fault

    def ask_again(self, place: int | None = None, turn: Turn | None = None) -> None:
        """The last question of every column once more, or the one of this turn in one column."""
        if self.comparison and self._is_free():
            self.run(self._ask_again(self.comparison, place, turn))

    async def _ask_again(self, comparison: Comparison, place: int | None, turn: Turn | None) -> None:
        from kullm_tui.ui.conversation.asking import Committed

        chosen = _columns(comparison, place)
        questions = [(column, question_of(self.turns(column.place), turn)) for column in chosen]
        async with self._committing:
            answering = await self._answering([column.contestant for column in chosen])
            if answering is None:
                return
            seats = {
                column.contestant: answering.seat(column, Committed(column.conversation, question.id))
                for column, question in questions
                if question
            }
            if seats:
                self._begin(comparison, answering, seats)
        await self._advance(self.contests.of(comparison))

    def edit(self, place: int, turn: Turn) -> None:
        """The question of this turn goes back into the prompt; sent again, it makes a branch in its column."""
        question = question_of(self.turns(place), turn)
        if question:
            self.address(place)
            self._editing = question
            self.screen.prompt.set(question.content, question.input)

    def address(self, place: int | None) -> None:
        """The next question goes to this column only; None: to all."""
        self.only, self._editing = place, None
        self.screen.tell_addressee()

    def stop(self, place: int | None = None) -> bool:
        """What streams in this column, or everywhere; False where nothing did."""
        contest, comparison = self.contests.of(self.comparison), self.comparison
        if contest is None or comparison is None or not self.contests.stop(contest, _columns(comparison, place)):
            return False
        self.run(self._advance(contest))  # perhaps nobody is left who would tell of its end
        return True

    def typing(self) -> None:
        """A question is being written: whoever will answer it gets ready."""
        if self.known and self.known.local:
            self.screen.host.warm_engine()

    # -- replies on their way ------------------------------------------------------------------------------------------

    def grew(self, reply: LiveReply) -> None:
        self.replies.taken(reply)
        place = self._place_of(reply)
        if place is not None and (thread := self._thread(place)):
            thread.grow(reply)

    def ended(self, reply: LiveReply) -> None:
        self.run(self._settle(reply))

    def saved(self, reply: LiveReply) -> None:
        self.run(self._saved(reply))

    async def _saved(self, reply: LiveReply) -> None:
        await self._show_ended(reply)
        if not self.busy:
            await self.look()

    def _place_of(self, reply: LiveReply) -> int | None:
        columns = self.comparison.columns if self.comparison else ()
        return next((one.place for one in columns if one.conversation.id == reply.conversation_id), None)

    async def _settle(self, reply: LiveReply) -> None:
        contest = self.contests.that_asked(reply.conversation_id)
        try:
            await self._show_ended(reply)
        finally:
            if contest:
                contest.settled(reply.conversation_id)
        await self._advance(contest)

    async def _show_ended(self, reply: LiveReply) -> None:
        store = await self.screen.host.opened()
        turns = await asyncio.to_thread(store.thread, reply.conversation_id, reply.reply_id)
        place = self._place_of(reply)
        if place is not None:
            told = self._told(as_ended(turns[-1], reply), place)
            thread = self._thread(place)
            if thread is None:
                return
            thread.hides_kept = self.hidden
            await thread.settle(told)
            self.screen.view.tell_ended(place, told)

    # -- what is on the screen -----------------------------------------------------------------------------------------

    def _told(self, turn: Turn, place: int) -> Turn:
        return masked(turn, self.comparison, place) if self.comparison and self.hidden else turn

    async def show(self, place: int, leaf_id: int | None = None, *, anew: bool = False) -> None:
        """A column's conversation; without a leaf, the branch that was chosen last."""
        store, comparison = await self.screen.host.opened(), self.comparison
        if comparison is None:
            return
        conversation = comparison.columns[place].conversation
        turns = await asyncio.to_thread(store.thread, conversation.id, leaf_id)
        if self.comparison is comparison:
            told = [self._told(turn, place) for turn in self.screen.host.unsaved.over(turns)]
            thread = self._thread(place)
            if thread is None:
                return
            thread.hides_kept = self.hidden
            await thread.show(told, self.titles, anew=anew)
            self.screen.view.tell_question()

    async def look(self) -> None:
        """The last round as it stands, with the vote on it."""
        store, comparison = await self.screen.host.opened(), self.comparison
        if comparison:
            await self.voting.read(store, comparison)
            self.screen.tell_round()
            await self.voting.tell_pairs()

    async def set_out(self) -> None:
        """Empty columns for the lineup, or those of the comparison, with all that was said in them; one after the other."""
        async with self._setting_out:
            self.address(None)
            self.screen.notice()
            await self._learn()
            await self.screen.columns.set_out(len(self.contestants))
            if self.comparison:
                await self.look()
                for column in self.comparison.columns:
                    await self.show(column.place, anew=True)
            self.screen.view.tell_question()
            self.screen.tell_round()

    async def _learn(self) -> None:
        """How the contestants are called, and whether they can answer together."""
        from kullm_tui.ui.compare.plan import answering

        self.known = await asyncio.to_thread(answering, self.contestants, self.choice.session, self.screen.host.config)
        self.screen.view.asked.tell_plan(self.known.why)

    def relabel(self) -> None:
        """The language is another one."""
        self.run(self._learn())

    def open(self, comparison: Comparison | None) -> None:
        """None: empty columns for a new one."""
        self.comparison, self.voting.questions = comparison, None
        self.voting.forget()
        self.run(self.set_out())

    def deleted(self, comparison: Comparison) -> None:
        contest = self.contests.of(comparison)
        if contest:
            self.contests.stop(contest, comparison.columns)
        if self.comparison and self.comparison.id == comparison.id:
            self.open(None)

    def switch_branch(self, place: int, turn: Turn, step: int) -> None:
        at = turn.siblings.index(turn.id) + step if turn.id in turn.siblings else -1
        if 0 <= at < len(turn.siblings) and not self.busy:
            self.run(self._switch_branch(place, turn.siblings[at]), group="branch")

    async def _switch_branch(self, place: int, turn_id: int) -> None:
        if self.comparison is None:
            return
        store, column = await self.screen.host.opened(), self.comparison.columns[place]
        leaf = await asyncio.to_thread(store.leaf_below, turn_id)
        await asyncio.to_thread(store.choose_leaf, column.conversation.id, leaf)
        await self.show(place, leaf)
        await self.look()


def _columns(comparison: Comparison, place: int | None) -> list[Column]:
    return [column for column in comparison.columns if place in (None, column.place)]
