"""The contestants' replies to one question after another, wave by wave as planned, each kept while it arrives.

A contestant that fails costs the others nothing: its lane says why. Cancelling stops all and keeps what has arrived.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from kullm_tui.core.asking.exchange import Piece, exchange
from kullm_tui.core.asking.thinking import Delta, Resorted
from kullm_tui.core.compare.resolve import Entrant
from kullm_tui.core.compare.schedule import Plan
from kullm_tui.core.endpoints.endpoint import Finished
from kullm_tui.core.errors import KullmError
from kullm_tui.core.records import Message
from kullm_tui.core.store.comparisons import Comparison
from kullm_tui.core.store.journal import FinalState, Journal, ReplySource
from kullm_tui.core.store.store import Store


@dataclass
class Lane:
    """One contestant's reply to one question, and what is known of it so far."""

    entrant: Entrant
    wave: int  # in which it answers
    conversation_id: int
    question_id: int
    system: Message | None
    reply_id: int | None = None
    pieces: list[str] = field(default_factory=list)
    latest: Piece | None = None  # what it waits for, while nothing has arrived
    state: FinalState | None = None  # None while it goes on
    error: str = ""
    finished: Finished = field(default_factory=lambda: Finished(""))

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def can_be_chosen(self) -> bool:
        return self.state == "complete"


@dataclass
class Round:
    """One question; lanes in the order shown, once it has begun."""

    question: Message
    comparison: Comparison | None = None
    lanes: list[Lane] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        return bool(self.lanes) and all(lane.state for lane in self.lanes)


@dataclass(frozen=True)
class Contest:
    store: Store
    entrants: Sequence[Entrant]
    plan: Plan
    decoding: Mapping[str, Any]
    system: str
    blind: bool
    at_once: int  # questions that are answered at a time

    async def run(self, rounds: Sequence[Round]) -> None:
        """A wave answers every question before the next one is loaded: swapping costs more than any answer."""
        try:
            for wave in range(len(self.plan.waves)):
                seats = asyncio.Semaphore(self.at_once)
                async with asyncio.TaskGroup() as group:
                    for one in rounds:
                        group.create_task(self._take_turn(one, wave, seats))
        except* KullmError as failures:
            raise failures.exceptions[0] from None

    async def _take_turn(self, one: Round, wave: int, seats: asyncio.Semaphore) -> None:
        async with seats:
            if one.comparison is None:
                await asyncio.to_thread(self._begin, one)
                one.changed.set()
            await asyncio.gather(*(self._answer(one, lane) for lane in one.lanes if lane.wave == wave))

    def _begin(self, one: Round) -> None:
        """The comparison, and the question in each of its columns."""
        contestants = [entrant.contestant for entrant in self.entrants]
        comparison = self.store.comparisons.create(
            one.question.content, contestants, system=self.system, blind=self.blind
        )
        waves = {place: number for number, wave in enumerate(self.plan.waves) for place in wave}
        entrants = {entrant.contestant: (entrant, waves[place]) for place, entrant in enumerate(self.entrants)}
        lanes = []
        for column in comparison.columns:
            conversation = column.conversation
            question = self.store.add_user_turn(conversation.id, one.question, parent_id=conversation.leaf_id)
            system = Message("system", self.system) if self.system else None
            lanes.append(Lane(*entrants[column.contestant], conversation.id, question, system))
        one.comparison, one.lanes = comparison, lanes

    async def _answer(self, one: Round, lane: Lane) -> None:
        try:
            journal, decoding = await asyncio.to_thread(self._open, lane)
            lane.reply_id = journal.reply_id
            with journal:
                await self._receive(one, lane, journal, decoding)
                journal.finish("complete", finished=lane.finished)
            lane.state = "complete"
        except asyncio.CancelledError:
            lane.state = "cancelled"
            raise
        except KullmError as error:
            lane.state, lane.error = "failed", str(error)
        finally:
            one.changed.set()

    def _open(self, lane: Lane) -> tuple[Journal, dict[str, Any]]:
        adapter, target = lane.entrant.contestant.adapter, lane.entrant.target
        decoding = {**self.decoding, **({"adapter": adapter} if adapter else {})}
        source = ReplySource(target.name, adapter or None, target.template, decoding)
        return self.store.open_reply(lane.conversation_id, lane.question_id, source), decoding

    async def _receive(self, one: Round, lane: Lane, journal: Journal, decoding: Mapping[str, Any]) -> None:
        messages = [*filter(None, [lane.system]), one.question]
        async with aclosing(exchange(lane.entrant.target, messages, decoding, journal)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Delta):
                    lane.pieces.append(piece.text)
                elif isinstance(piece, Resorted):
                    lane.pieces = [piece.text]
                elif isinstance(piece, Finished):
                    lane.finished = piece
                lane.latest = piece
                one.changed.set()
