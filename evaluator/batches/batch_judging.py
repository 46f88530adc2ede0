"""Many responses judged in batches, at a part of the price and within a day: what is missing is handed in, waited for and taken.

    find what broke off  →  look at what is under way, take what is over  →  hand in what is missing, as the money lets  →  wait

Round after round, until every verdict is there or nothing more can be had. It may end at any moment: what is under way goes on at the
other side, and the next run finds it in the ledger.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evaluator.batches.faults import (
    QueueFull,
    as_batch_error,
    cancelled,
    gone,
    is_full,
    is_unsure,
    refusal_of,
)
from evaluator.batches.hand_in import find_again, hand_in
from evaluator.batches.ledger import TAKEN_AWAY, Batch, Call, Ledger
from evaluator.batches.results import request_line
from evaluator.batches.service import BatchService, FarBatch
from evaluator.batches.taking import Taking
from evaluator.batches.waiting import waiting_words
from evaluator.buying import BudgetSpent
from evaluator.cost import Budget
from evaluator.expectation import Expectation
from evaluator.judge import Judge, request_body
from evaluator.reading import failed_verdict, verdict_of
from evaluator.rubric import Rubric
from evaluator.sent_cap import SentCap
from evaluator.verdict import Item, JudgeReply, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.errors import CutOff, Malformed, TooMuch, asked_delay
from kullm_tui.core.endpoints.sdk import open_client
from kullm_tui.core.errors import KullmError

_MOST_CALLS, _MOST_BYTES = 50_000, 100_000_000  # of one batch; OpenAI takes 200 MB, others half of it
_FIRST_PAUSE_SECONDS, _GROWTH, _LONGEST_PAUSE_SECONDS = 1.0, 1.5, 60.0
_MOST_TROUBLES = 8  # one after another: the other side is down
_MOST_REFUSALS = 12  # of a queue that stays full though nothing of ours is in it
_LONGEST_HOLD_SECONDS = 600.0


@dataclass(frozen=True)
class Wanted:
    """A verdict that is to be had, and all that have its content."""

    items: Sequence[Item]
    repeat: int


class BatchJudging:
    def __init__(
        self,
        wanted: Mapping[str, Wanted],
        *,
        judge: Judge,
        rubric: Rubric,
        store: VerdictStore,
        budget: Budget,
        seconds: float,
        tell: Callable[[int, Verdict], None],
        narrate: Callable[[str], None],
    ) -> None:
        self.stopped: KullmError | None = None
        self._wanted, self._open = wanted, dict.fromkeys(wanted)  # of these the verdict is neither there nor given up
        self._judge, self._rubric, self._store, self._ledger = judge, rubric, store, Ledger(store)
        self._budget, self._seconds, self._tell, self._narrate = budget, seconds, tell, narrate
        self._expectation = Expectation(judge, rubric, in_batch=True)
        self._cap = SentCap(self._expectation.cap)
        self._taking = Taking(judge, self._ledger, self._cap)
        self._seen: dict[str, FarBatch] = {}
        self._in_batches: set[str] = set()  # at the end of the last round
        self._unsure: set[str] = set()  # batches of this program's whose hand-in broke off
        self._pauses = self._troubles = 0
        self._most_calls, self._one_at_a_time = _MOST_CALLS, False
        self._refusals, self._held_until = 0, 0.0

    async def all(self) -> None:
        """Everything that is wanted, or as much as could be had."""
        import openai

        async with open_client(self._judge.endpoint, quiet_seconds=self._seconds) as client:
            service = BatchService(client, seconds=self._seconds)
            while self._open and self.stopped is None:
                try:
                    await self._round(service)
                    self._troubles = 0
                except (openai.OpenAIError, CutOff, Malformed, TooMuch) as failure:
                    self._meet(failure)
                except KullmError as fault:
                    self.stopped = fault
                if self._open and self.stopped is None:
                    await self._pause()

    async def _round(self, service: BatchService) -> None:
        await self._share_kept()
        for batch in await self._batches():
            if batch.batch:
                await self._look_at(service, batch)
            elif batch.name in self._unsure or (batch.is_broken_off and await self._is_ours_now(batch)):
                await find_again(service, self._ledger, batch)
                self._unsure.discard(batch.name)
        if self.stopped is None:
            await self._hand_in(service)
        self._in_batches = await asyncio.to_thread(self._store.handed_in, self._open)
        under_way = await self._batches()
        self._narrate(waiting_words([(one, self._seen.get(one.name)) for one in under_way]))

    async def _is_ours_now(self, batch: Batch) -> bool:
        taken = await asyncio.to_thread(self._ledger.take_over, batch)
        if taken:
            self._unsure.add(batch.name)
        return taken

    async def _batches(self) -> list[Batch]:
        return await asyncio.to_thread(self._ledger.batches_of, self._open, self._store)

    async def _share_kept(self) -> None:
        """What is there: from before, or because another program has taken it."""
        kept = await asyncio.to_thread(self._store.replies, self._open)
        for key, (reply, cost) in kept.items():
            self._share(key, reply, cost, kept=True)

    def _meet(self, failure: Exception) -> None:
        """The other side could not be reached, or answered with a fault: it is asked again for a while."""
        self._troubles += 1
        if not (is_unsure(failure) or is_full(failure)) or self._troubles >= _MOST_TROUBLES:
            self.stopped = as_batch_error(failure, self._judge.endpoint, self._judge.model)

    async def _pause(self) -> None:
        """Longer and longer: what takes hours is not asked for every second."""
        seconds = min(_FIRST_PAUSE_SECONDS * _GROWTH**self._pauses, _LONGEST_PAUSE_SECONDS)
        self._pauses += seconds < _LONGEST_PAUSE_SECONDS
        await asyncio.sleep(seconds)

    # -- what is under way ---------------------------------------------------------------------------------------------

    async def _look_at(self, service: BatchService, batch: Batch) -> None:
        import openai

        try:
            far = await service.retrieve(batch.batch)
        except openai.NotFoundError as missing:
            raise gone(batch) from missing
        self._seen[batch.name] = far
        if not far.is_over:
            return
        self._pauses = 0
        if far.status == "failed":
            await self._refused(batch, far)
            return
        self._refusals = 0
        taken = await self._taking.take(service, batch, far, self._usual)
        for key, (reply, cost) in taken.replies.items():
            self._buy(key, reply, cost)
        for key, reason in taken.failures.items():
            self._give_up(key, reason)
        self._budget.spend(taken.assumed, assumed=True)
        self.stopped = self.stopped or taken.stops
        if far.status == "cancelled" and self.stopped is None:
            self.stopped = cancelled(batch)

    async def _refused(self, batch: Batch, far: FarBatch) -> None:
        await asyncio.to_thread(self._ledger.end, batch)
        if batch.file == TAKEN_AWAY:
            return  # it was made of a file that was gone, and what is in it is handed in anew
        refusal = refusal_of(far, self._judge)
        if not isinstance(refusal, QueueFull):
            raise refusal
        await self._wait_for_room(refusal, batch.calls, None)

    def _usual(self, key: str) -> float:
        """Dollars that a call usually costs; nothing for one that another evaluation pays."""
        return self._expectation.cost(self._wanted[key].items[0]).usual if key in self._open else 0.0

    def _buy(self, key: str, reply: JudgeReply, cost: float | None) -> None:
        if key not in self._open:
            return  # another evaluation's, in the same batch
        item = self._wanted[key].items[0]
        self._expectation.learn(item, reply)
        self._budget.spend(self._expectation.charged(item, reply))
        self._share(key, reply, cost, kept=False)

    def _share(self, key: str, reply: JudgeReply, cost: float | None, *, kept: bool) -> None:
        """The verdict of all that have one content: bought once, so charged once."""
        wanted = self._wanted[key]
        for place, item in enumerate(wanted.items):
            verdict = verdict_of(item, reply, cost, judge=self._judge, rubric=self._rubric, kept=kept or place > 0)
            self._tell(wanted.repeat, verdict)
        self._open.pop(key, None)

    def _give_up(self, key: str, reason: str) -> None:
        if key not in self._open:
            return
        for item in self._wanted[key].items:
            self._tell(self._wanted[key].repeat, failed_verdict(item, reason, judge=self._judge, rubric=self._rubric))
        self._open.pop(key, None)

    # -- what is missing -----------------------------------------------------------------------------------------------

    async def _hand_in(self, service: BatchService) -> None:
        if time.monotonic() < self._held_until:
            return
        missing = await self._missing()
        while missing:
            under_way = await self._batches()
            if under_way and self._one_at_a_time:
                return
            calls, lines = self._affordable(missing, under_way)
            if not calls:
                if not under_way:
                    raise BudgetSpent("")
                return
            missing = missing[len(calls) :]
            batch, taken = await asyncio.to_thread(self._ledger.open, calls, judge=self._judge, rubric=self._rubric)
            if batch is None:
                continue  # another program asks for them just now
            content = b"".join(line for call, line in zip(calls, lines, strict=True) if call.key in taken)
            if not await self._submit(service, batch, content):
                return

    async def _missing(self) -> list[str]:
        """What no batch will bring. Another program may have taken one that we waited for too, or given it up: what it noted of a call
        counts here as well."""
        there = await asyncio.to_thread(self._store.handed_in, self._open)
        left = [key for key in self._in_batches if key in self._open and key not in there]
        for key, reason in (await asyncio.to_thread(self._store.failures, left)).items():
            self._give_up(key, reason)
        return [key for key in self._open if key not in there]

    def _affordable(self, keys: Sequence[str], under_way: Sequence[Batch]) -> tuple[list[Call], list[bytes]]:
        """As many as one batch holds, and as the budget lets by the rule of `Budget`: whatever they come to, no more is spent than
        the budget and one call."""
        usual, most = sum(one.usual for one in under_way), sum(one.most for one in under_way)
        dearest = max((one.dearest for one in under_way), default=0.0)
        calls: list[Call] = []
        lines: list[bytes] = []
        size = 0
        for key in keys:
            wanted = self._wanted[key]
            cost = self._expectation.cost(wanted.items[0])
            usual, most, dearest = usual + cost.usual, most + cost.most, max(dearest, cost.most)
            if usual > self._budget.left or most - dearest > self._budget.left:
                break
            line = request_line(key, self._cap.bounded(request_body(self._judge, self._rubric, wanted.items[0])))
            size += len(line)
            if calls and (len(calls) == self._most_calls or size > _MOST_BYTES):
                break
            calls.append(Call(key, wanted.items[0], wanted.repeat, cost))
            lines.append(line)
        return calls, lines

    async def _submit(self, service: BatchService, batch: Batch, content: bytes) -> bool:
        """Whether more may follow at once."""
        import openai

        self._unsure.add(batch.name)
        try:
            self._seen[batch.name] = await hand_in(service, self._ledger, batch, content)
        except (openai.OpenAIError, CutOff, Malformed, TooMuch) as failure:
            if is_unsure(failure):
                raise
            self._unsure.discard(batch.name)
            refusal = as_batch_error(failure, self._judge.endpoint, self._judge.model)
            if not isinstance(refusal, QueueFull):
                raise refusal from failure
            await self._wait_for_room(refusal, batch.calls, failure)
            return False
        self._unsure.discard(batch.name)
        self._pauses = 0
        return True

    async def _wait_for_room(self, refusal: QueueFull, calls: int, failure: Exception | None) -> None:
        """The rest waits until what is in the queue is done; where nothing of ours is, a smaller batch is tried, after a while."""
        import openai

        self._one_at_a_time = True
        if await self._batches():
            return
        self._refusals += 1
        if self._refusals >= _MOST_REFUSALS:
            raise refusal
        self._most_calls = max(1, calls // 2)
        asked = asked_delay(failure.response.headers) if isinstance(failure, openai.APIStatusError) else None
        self._held_until = time.monotonic() + min(asked or 2.0 ** (self._refusals - 1), _LONGEST_HOLD_SECONDS)
