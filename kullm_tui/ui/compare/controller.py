"""What the comparison does: one question put to every column, or to one; rounds stopped, asked again, voted on; comparisons opened.

The screen shows it. Everything that waits (disk, tokens, the network) happens in workers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kullm_tui.core import records
from kullm_tui.core.asking.live_reply import LiveReply
from kullm_tui.core.errors import StoreError
from kullm_tui.core.language import say
from kullm_tui.ui.compare.selection import Choice
from kullm_tui.ui.compare.text import letter, name_of
from kullm_tui.ui.compare.view import CompareView
from kullm_tui.ui.compare.vote import Voting, masked
from kullm_tui.ui.conversation.controller import Controller, FeedbackVerb
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.settings import question_of
from kullm_tui.ui.conversation.unsaved import as_ended

if TYPE_CHECKING:
    from kullm_tui.core.compare.runner import Competitors, Contest, Lane
    from kullm_tui.core.config.settings import Config
    from kullm_tui.core.store.comparisons import Column, Comparison
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.core.store.history import Turn
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.compare.column_thread import ColumnThread
    from kullm_tui.ui.conversation.settings import Session


class CompareController(Controller[CompareView]):
    def __init__(self, screen: CompareView, replies: Replies) -> None:
        super().__init__(screen)
        self.choice = Choice(self)
        self.comparison: Comparison | None = None
        self.voting = Voting(self)
        self.replies = replies
        self.only: int | None = None  # the column that the next question goes to
        self.known: Competitors | None = None
        self.titles: Mapping[str, str] = {}  # of models
        self._turns: list[list[Turn]] = []  # by place, as far as they were read
        self._contests: dict[int, Contest] = {}  # by comparison: one question at a time, whichever is on the screen
        self._editing: Turn | None = None
        self._committing = asyncio.Lock()
        self._showing = asyncio.Lock()
        self._setting_out = asyncio.Lock()

    async def begin(self) -> None:
        """Once the screen is there: the store, and who was compared last."""
        await self.choice.begin()
        await self.screen.host.opened()
        await self.set_out()

    async def close(self) -> None:
        """Every reply is stopped and written down as far as it came, and nobody else is asked."""
        for contest in self._contests.values():
            contest.stop()
        await self.replies.close()

    def take_store(self, store: Store) -> None:
        """Another file: what is on the screen is read from there, as far as it is there."""
        if self.comparison:
            self.run(self._read_again(store, self.comparison.id))

    async def _read_again(self, store: Store, comparison_id: int) -> None:
        try:
            read = await asyncio.to_thread(store.comparisons.get, comparison_id)
        except StoreError:
            read = None
        if self.comparison and self.comparison.id == comparison_id:  # no other was opened meanwhile
            self.open(read)

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
    def names(self) -> list[str]:
        if self.hidden:
            return [letter(place) for place in range(len(self.contestants))]
        return [name_of(one, self.titles) for one in self.contestants]

    @property
    def busy(self) -> bool:
        """A question is being committed, or somebody has not finished."""
        return self._committing.locked() or self._contest is not None

    @property
    def _contest(self) -> Contest | None:
        """The one of the comparison on the screen."""
        return self._contests.get(self.comparison.id) if self.comparison else None

    def live(self, place: int) -> LiveReply | None:
        if self.comparison is None:
            return None
        return next(iter(self.replies.of(self.comparison.columns[place].conversation.id)), None)

    def waits(self, place: int) -> bool:
        """It is not its turn yet."""
        contest = self._contest
        return bool(contest and self.comparison and contest.waits(self.comparison.columns[place].conversation.id))

    def turns(self, place: int) -> list[Turn]:
        """What was said in this column."""
        return self._turns[place] if place < len(self._turns) else []

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
            if not self.is_free(busy=self.busy):
                return
            async with self._committing:
                sent = await self._send(message)
        finally:
            if not sent:
                self.screen.prompt.give_back(message.content, message.input)

    async def _send(self, message: records.Message) -> bool:
        """False where nothing was committed."""
        only, editing = self.only, self._editing
        store = await self.screen.host.opened()
        asked = self.contestants if only is None else self.contestants[only : only + 1]
        competitors = await self._competitors(asked)
        if competitors is None:
            return False
        comparison = self.comparison or await self._create(message.content)
        columns = [column for column in comparison.columns if column.contestant in asked]
        lanes: list[Lane] = []
        for column in columns:
            turns = self.turns(column.place)
            parent = turns[-1].id if turns else column.conversation.leaf_id
            parent = editing.parent_id if editing else parent
            lanes.append(await asyncio.to_thread(competitors.commit, store, column, parent, message))
        self.address(None)
        for column, lane in zip(columns, lanes, strict=True):
            await self.show(column.place, lane.question.question_id)
        self._begin(comparison, competitors, message, lanes)
        return True

    async def _create(self, title: str) -> Comparison:
        store, lineup = await self.screen.host.opened(), self.choice.lineup
        self.comparison = await asyncio.to_thread(
            store.comparisons.create, title, lineup.contestants, system=self.choice.session.system, blind=lineup.blind
        )
        self.screen.view.tell_heads()
        return self.comparison

    async def _competitors(self, contestants: Sequence[Contestant]) -> Competitors | None:
        """Who answers, and in which order; None where somebody may not be sent to."""
        from kullm_tui.ui.compare.plan import competitors
        from kullm_tui.ui.dialogs.consent import may_send

        found = await asyncio.to_thread(competitors, contestants, self.choice.session, self.screen.host.config)
        for target in found.targets:
            if not await may_send(self.screen.app, target):
                self.screen.notice(say("보내지 않았어요.", "Nothing was sent."))
                return None
        return found

    def _begin(
        self, comparison: Comparison, competitors: Competitors, message: records.Message, lanes: list[Lane]
    ) -> None:
        from kullm_tui.core.compare.runner import Contest, Round

        contest = Contest(
            rounds=[Round(message, comparison, lanes)],
            waves=len(competitors.plan.waves),
            store=self.screen.host.opened,
            replies=self.replies,
            thinking=self.screen.host.config.thinking,
            opened=self._lane_opened,
            ended=self._lane_ended,
        )
        self._contests[comparison.id] = contest
        self.voting.round = None
        if len(lanes) > 1:
            self.screen.view.asked.tell_plan(competitors.plan.why)
        self.screen.tell_round()
        self.run(self._hold(contest, comparison))

    async def _hold(self, contest: Contest, comparison: Comparison) -> None:
        """To its end, whichever comparison is on the screen."""
        try:
            await contest.run()
        finally:
            self._contests.pop(comparison.id, None)
        self.tell_memory()
        self.announce(contest.seconds, say("비교가 끝났어요", "All have answered"))
        if self.comparison and self.comparison.id == comparison.id:
            self.screen.notice()
            await self.look()
            self.screen.tell_all_finished()

    async def _lane_opened(self, lane: Lane) -> None:
        if lane.fault:
            await self.failed(lane.fault)
        elif lane.reply_id is not None:
            await self._guarded(self._show_opened(lane.conversation_id, lane.reply_id))

    async def _show_opened(self, conversation_id: int, reply_id: int) -> None:
        place = self._place_of(conversation_id)
        if place is not None:
            await self.show(place, reply_id)
            if thread := self._thread(place):
                thread.follow()

    async def _lane_ended(self, lane: Lane) -> None:
        if lane.reply:
            await self._guarded(self._show_ended(lane.reply))

    def ask_again(self, place: int | None = None, turn: Turn | None = None) -> None:
        """The last question of every column once more, or the one of this turn in one column."""
        if self.comparison and self.is_free(busy=self.busy):
            self.run(self._ask_again(self.comparison, place, turn))

    async def _ask_again(self, comparison: Comparison, place: int | None, turn: Turn | None) -> None:
        from kullm_tui.core.asking.question import Committed

        chosen = [column for column in _columns(comparison, place) if question_of(self.turns(column.place), turn)]
        async with self._committing:
            competitors = await self._competitors([column.contestant for column in chosen]) if chosen else None
            if competitors is None:
                return
            lanes, questions = [], []
            for column in chosen:
                if question := question_of(self.turns(column.place), turn):
                    questions.append(question)
                    lanes.append(competitors.lane(column, Committed(column.conversation, question.id)))
            message = records.Message("user", questions[0].content, questions[0].input)
            self._begin(comparison, competitors, message, lanes)

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
        contest, comparison = self._contest, self.comparison
        if contest is None or comparison is None:
            return False
        return contest.stop({column.conversation.id for column in _columns(comparison, place)})

    def typing(self) -> None:
        """A question is being written: whoever will answer it gets ready."""
        if self.known and self.known.local:
            self.screen.host.warm_engine()

    # -- replies on their way ------------------------------------------------------------------------------------------

    def grew(self, reply: LiveReply) -> None:
        self.replies.taken(reply)
        place = self._place_of(reply.conversation_id)
        if place is not None and (thread := self._thread(place)):
            thread.grow(reply)

    def saved(self, reply: LiveReply) -> None:
        self.run(self._saved(reply))

    async def _saved(self, reply: LiveReply) -> None:
        await self._show_ended(reply)
        if not self.busy:
            await self.look()

    def _place_of(self, conversation_id: int) -> int | None:
        columns = self.comparison.columns if self.comparison else ()
        return next((one.place for one in columns if one.conversation.id == conversation_id), None)

    async def _show_ended(self, reply: LiveReply) -> None:
        async with self._showing:
            store = await self.screen.host.opened()
            turns = await asyncio.to_thread(store.thread, reply.conversation_id, reply.reply_id)
            place = self._place_of(reply.conversation_id)
            if place is None:
                return
            told = self._told(as_ended(turns[-1], reply), place)
            if place < len(self._turns):
                self._turns[place] = [told if turn.id == told.id else turn for turn in self._turns[place]]
            if thread := self._thread(place):
                thread.hides_kept = self.hidden
                await thread.settle(told)
                self.screen.view.tell_ended(place, told)

    # -- what is on the screen -----------------------------------------------------------------------------------------

    def _told(self, turn: Turn, place: int) -> Turn:
        return masked(turn, self.comparison, place) if self.comparison and self.hidden else turn

    async def show(self, place: int, leaf_id: int | None = None, *, anew: bool = False) -> None:
        """A column's conversation; without a leaf, the branch that was chosen last."""
        async with self._showing:
            store, comparison = await self.screen.host.opened(), self.comparison
            if comparison is None:
                return
            conversation = comparison.columns[place].conversation
            turns = await asyncio.to_thread(store.thread, conversation.id, leaf_id)
            thread = self._thread(place)
            if self.comparison is not comparison or thread is None or place >= len(self._turns):
                return
            self._turns[place] = [self._told(turn, place) for turn in self.screen.host.unsaved.over(turns)]
            thread.hides_kept = self.hidden
            await thread.show(self._turns[place], self.titles, anew=anew)
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
            self._turns = [[] for _ in self.contestants]
            if self.comparison:
                await self.look()
                for column in self.comparison.columns:
                    await self.show(column.place, anew=True)
            self.screen.view.tell_question()
            self.screen.tell_round()

    async def _learn(self) -> None:
        """How the contestants are called, and whether they can answer together."""
        found = await asyncio.to_thread(_learned, self.contestants, self.choice.session, self.screen.host.config)
        self.known, self.titles = found
        self.screen.view.asked.tell_plan(self.known.plan.why)

    def relabel(self) -> None:
        """The language is another one."""
        self.run(self._learn())

    def open(self, comparison: Comparison | None) -> None:
        """None: empty columns for a new one."""
        self.comparison, self.voting.questions, self._turns = comparison, None, []
        self.voting.forget()
        self.run(self.set_out())

    def deleted(self, comparison: Comparison) -> None:
        if contest := self._contests.get(comparison.id):
            contest.stop()
        if self.comparison and self.comparison.id == comparison.id:
            self.open(None)

    def switch_branch(self, place: int, turn: Turn, step: int) -> None:
        beside = turn.beside(step)
        if self.comparison and beside is not None and not self.busy:
            self.run(self._switch_branch(self.comparison.columns[place], beside), group="branch")

    def say_of(self, place: int, verb: FeedbackVerb, turn: Turn) -> None:
        """What a person says of a reply: the answer that they wanted, or a mark. The column goes on with what its model said."""
        if self.comparison and not self.busy:
            self.run(self._say_of(self.comparison.columns[place], verb, turn), group="feedback")

    async def _say_of(self, column: Column, verb: FeedbackVerb, turn: Turn) -> None:
        if await self.feedback(verb, turn) is not None:
            await self._switch_branch(column, turn.id)

    async def _switch_branch(self, column: Column, turn_id: int) -> None:
        await self.show(column.place, await self.choose_branch(column.conversation, turn_id))
        await self.look()


def _columns(comparison: Comparison, place: int | None) -> list[Column]:
    return [column for column in comparison.columns if place in (None, column.place)]


def _learned(
    contestants: Sequence[Contestant], session: Session, config: Config
) -> tuple[Competitors, Mapping[str, str]]:
    """Imported in the thread that asks, so that the screen is ready before."""
    from kullm_tui.core.models.profiles import Titles, all_profiles
    from kullm_tui.ui.compare.plan import competitors

    return competitors(contestants, session, config), Titles(all_profiles())
