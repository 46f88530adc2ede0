"""Questions on their way through a comparison: who is asked in which wave, stopped, failed, ended. Screens and commands look on.

A contestant that fails costs the others nothing: its lane says why. Cancelling stops all and keeps what has arrived.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kullm_tui.core.asking.question import Answerer, Committed, commit_question, open_reply, write_failure
from kullm_tui.core.errors import KullmError

if TYPE_CHECKING:
    from kullm_tui.core.asking.live_replies import LiveReplies
    from kullm_tui.core.asking.live_reply import LiveReply
    from kullm_tui.core.asking.target import Target
    from kullm_tui.core.asking.thinking import ThinkingWish
    from kullm_tui.core.compare.schedule import Plan
    from kullm_tui.core.records import Message
    from kullm_tui.core.store.comparisons import Column, Comparison
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.core.store.journal import FinalState
    from kullm_tui.core.store.store import Store


def can_be_chosen(state: str | None, text: str) -> bool:
    """Whether a reply can be voted on: what failed tells about a machine and not about a model, and of nothing there is nothing to say."""
    return state in ("complete", "cancelled") and bool(text.strip())


@dataclass(frozen=True)
class Competitors:
    """Who is compared, how each is asked, and in which wave."""

    answerers: Mapping[Contestant, Answerer]
    plan: Plan  # by their order
    system: str = ""

    @property
    def targets(self) -> list[Target]:
        return [one.target for one in self.answerers.values() if one.target]

    @property
    def local(self) -> bool:
        """Somebody answers on this machine."""
        return any(target.endpoint is None for target in self.targets)

    def lane(self, column: Column, question: Committed) -> Lane:
        place = list(self.answerers).index(column.contestant)
        wave = next(number for number, places in enumerate(self.plan.waves) if place in places)
        return Lane(column.contestant, question, self.answerers[column.contestant], wave)

    def commit(self, store: Store, column: Column, parent_id: int | None, message: Message) -> Lane:
        """The question, written down under the turn that it follows in this column. It blocks."""
        return self.lane(column, commit_question(store, column.conversation, parent_id, message, self.system))


@dataclass
class Lane:
    """One contestant's part in a round: its question is written down, and it waits until its wave is asked."""

    contestant: Contestant
    question: Committed
    answerer: Answerer
    wave: int
    reply_id: int | None = None  # once it stands in the store
    reply: LiveReply | None = None  # once it is asked
    fault: KullmError | None = None  # of the disk: there is no reply
    withdrawn: bool = False  # it is not to be asked any more

    @property
    def conversation_id(self) -> int:
        return self.question.conversation.id

    @property
    def waits(self) -> bool:
        return self.state is None and self.reply_id is None

    @property
    def state(self) -> FinalState | None:
        """None while it waits or goes on."""
        if self.reply:
            return self.reply.state
        if self.fault or self.reply_id is not None:
            return "failed"
        return "cancelled" if self.withdrawn else None

    @property
    def error(self) -> str:
        if self.reply:
            return self.reply.error or str(self.reply.unsaved_why or "")
        return str(self.fault or self.answerer.fault)

    @property
    def text(self) -> str:
        return self.reply.text if self.reply else ""

    @property
    def can_be_chosen(self) -> bool:
        return can_be_chosen(self.state, self.text)


@dataclass
class Round:
    """One question; its lanes in the order shown, once it has begun."""

    question: Message
    comparison: Comparison | None = None
    lanes: list[Lane] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.lanes) and all(lane.state for lane in self.lanes)

    def begin(self, store: Store, competitors: Competitors, *, blind: bool) -> None:
        """A comparison of its own, and the question in each of its columns. It blocks."""
        contestants = list(competitors.answerers)
        self.comparison = store.comparisons.create(
            self.question.content, contestants, system=competitors.system, blind=blind
        )
        self.lanes = [
            competitors.commit(store, column, column.conversation.leaf_id, self.question)
            for column in self.comparison.columns
        ]


async def _nobody_looks(_: Lane) -> None:
    pass


@dataclass(frozen=True)
class Contest:
    """Rounds that are answered wave by wave: a wave answers every question before the next is loaded, since swapping costs more than any answer.

    `opened` and `ended` are awaited when a lane has its reply, and when that is written down; the next wave waits for them.
    """

    rounds: Sequence[Round]
    waves: int
    store: Callable[[], Awaitable[Store]]
    replies: LiveReplies
    thinking: ThinkingWish = "fold"
    begin: Callable[[Store, Round], None] | None = None  # of rounds that have not begun. It blocks
    at_once: int = 1  # rounds that are answered at a time
    opened: Callable[[Lane], Awaitable[None]] = _nobody_looks
    ended: Callable[[Lane], Awaitable[None]] = _nobody_looks
    began: float = field(default_factory=time.monotonic, init=False)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def lanes(self) -> list[Lane]:
        return [lane for one in self.rounds for lane in one.lanes]

    def waits(self, conversation_id: int) -> bool:
        return any(lane.conversation_id == conversation_id and lane.waits for lane in self.lanes)

    def stop(self, conversations: Collection[int] | None = None) -> bool:
        """What streams or waits there, or anywhere; False where nothing did."""
        lanes = [lane for lane in self.lanes if lane.state is None]
        if conversations is not None:
            lanes = [lane for lane in lanes if lane.conversation_id in conversations]
        for lane in lanes:
            lane.withdrawn = True
            if lane.reply:
                self.replies.stop(lane.reply)
        return bool(lanes)

    async def run(self) -> None:
        """KullmError where a round could not begin; all others are stopped then."""
        try:
            for wave in range(self.waves):
                room = asyncio.Semaphore(self.at_once)
                async with asyncio.TaskGroup() as group:
                    for one in self.rounds:
                        group.create_task(self._take_turn(one, wave, room))
        except* KullmError as failures:
            raise failures.exceptions[0] from None

    async def _take_turn(self, one: Round, wave: int, room: asyncio.Semaphore) -> None:
        async with room:
            if self.begin and not one.lanes:
                await asyncio.to_thread(self.begin, await self.store(), one)
            lanes = [lane for lane in one.lanes if lane.wave == wave and lane.waits]
            try:
                for lane in lanes:
                    await self._open(lane)
                await asyncio.gather(*map(self._follow, lanes))
            finally:  # only where all is stopped is anything left to stop
                await self.replies.stop_and_wait([lane.reply for lane in lanes if lane.reply])

    async def _open(self, lane: Lane) -> None:
        """An error of the disk leaves this lane without a reply, and the others are asked."""
        if lane.withdrawn:
            return
        try:
            store = await self.store()
            if lane.answerer.target is None:
                lane.reply_id = await asyncio.to_thread(write_failure, store, lane.question, lane.answerer)
                return
            request, reply = await asyncio.to_thread(open_reply, store, lane.question, lane.answerer, self.thinking)
        except KullmError as error:
            lane.fault = error
            return
        lane.reply, lane.reply_id = reply, reply.reply_id
        self.replies.start(request, reply)
        if lane.withdrawn:  # meanwhile
            self.replies.stop(reply)

    async def _follow(self, lane: Lane) -> None:
        await self.opened(lane)
        if lane.reply:
            await self.replies.until_ended([lane.reply])
        await self.ended(lane)
