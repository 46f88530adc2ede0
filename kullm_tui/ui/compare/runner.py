"""The questions that are on their way through comparisons: who is asked now, and who waits until there is memory.

They go on while another comparison is on the screen.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kullm_tui.core.errors import KullmError
from kullm_tui.ui.conversation.live_replies import Replies

if TYPE_CHECKING:
    from kullm_tui.core.asking.target import Target
    from kullm_tui.core.store.comparisons import Column, Comparison
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.conversation.asking import Committed
    from kullm_tui.ui.conversation.live_reply import LiveReply
    from kullm_tui.ui.conversation.settings import Session


@dataclass(frozen=True)
class Seat:
    """A column's part in a round: its question is written down, and who answers it is known, or why nobody does."""

    question: Committed
    session: Session
    target: Target | None
    fault: str = ""

    @property
    def conversation_id(self) -> int:
        return self.question.conversation.id


class Contest:
    """One question, or the same one asked again, in some columns of one comparison."""

    def __init__(self, comparison_id: int, waves: Sequence[Sequence[Seat]]) -> None:
        self.comparison_id = comparison_id
        self.conversations = frozenset(seat.conversation_id for wave in waves for seat in wave)
        self._waves = deque(list(wave) for wave in waves)
        self._opening = asyncio.Lock()
        self._answering: set[int] = set()  # conversations whose reply has not ended, or was not looked at since
        self._began = time.monotonic()
        self.fault: KullmError | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        return not self._waves and not self._answering and not self._opening.locked()

    def waits(self, conversation_id: int) -> bool:
        return any(seat.conversation_id == conversation_id for wave in self._waves for seat in wave)

    def withdraw(self, conversation_id: int) -> None:
        """This column is not asked any more."""
        left = [[seat for seat in wave if seat.conversation_id != conversation_id] for wave in self._waves]
        self._waves = deque(wave for wave in left if wave)

    async def advance(self, store: Store, replies: Replies) -> dict[int, int]:
        """Begins the next wave once nobody of the last one answers any more: the new replies by conversation."""
        opened: dict[int, int] = {}
        async with self._opening:
            while self._waves and not self._answering:
                for seat in self._waves.popleft():
                    try:
                        opened[seat.conversation_id] = await self._take(store, replies, seat)
                    except (
                        KullmError
                    ) as fault:  # of the disk: this column stays without a reply, and the others are asked
                        self.fault = fault
        return opened

    async def _take(self, store: Store, replies: Replies, seat: Seat) -> int:
        from kullm_tui.ui.conversation import asking

        if seat.target is None:
            return await asyncio.to_thread(asking.write_failure, store, seat.question, seat.session, seat.fault)
        order, reply = await asyncio.to_thread(asking.open_reply, store, seat.question, seat.session, seat.target)
        self._answering.add(seat.conversation_id)
        replies.start(order, reply)
        return reply.reply_id

    def settled(self, conversation_id: int) -> None:
        """Its reply has ended and stands where it belongs."""
        self._answering.discard(conversation_id)


class Contests:
    def __init__(self, replies: Replies) -> None:
        self.replies = replies
        self._running: dict[int, Contest] = {}  # by comparison: one question at a time

    def begin(self, comparison: Comparison, waves: Sequence[Sequence[Seat]]) -> Contest:
        contest = self._running[comparison.id] = Contest(comparison.id, waves)
        return contest

    def of(self, comparison: Comparison | None) -> Contest | None:
        return self._running.get(comparison.id) if comparison else None

    def that_asked(self, conversation_id: int) -> Contest | None:
        return next((one for one in self._running.values() if conversation_id in one.conversations), None)

    def live(self, column: Column) -> LiveReply | None:
        return next(iter(self.replies.of(column.conversation.id)), None)

    def ended(self, contest: Contest) -> bool:
        """True once, when all of it is over."""
        return contest.is_over and self._running.pop(contest.comparison_id, None) is not None

    def stop(self, contest: Contest, columns: Sequence[Column]) -> bool:
        """What streams or waits in these columns; False where nothing did."""
        stopped = False
        for column in columns:
            conversation_id = column.conversation.id
            stopped = stopped or contest.waits(conversation_id)
            contest.withdraw(conversation_id)
            for reply in self.replies.of(conversation_id):
                self.replies.stop(reply)
                stopped = True
        return stopped

    async def close(self) -> None:
        """Every reply is stopped and written down as far as it came."""
        self._running.clear()
        await self.replies.close()
