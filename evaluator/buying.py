"""Verdicts bought: who is asked next, how often a call is tried, when it is in vain to go on. Each reply is written the moment it comes.

    reserve its money  →  wait for its turn  →  mark it as under way  →  ask  →  settle by what it cost  →  write it down
          cost.py             pace.py            verdicts.py          judge.py       expectation.py

Every try goes this way from the beginning, so none is free of the budget; a call that is tried again goes before those that have not been.
Failures of the network and the server are tried again. What no other try can change stops the run, after the calls under way
have come back: a refused key, a missing model, a spent budget, and a judge whose first calls all end alike.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluator.call_faults import (
    SchemaRefused,
    as_error,
    concerns_all,
    is_rate_limit,
    is_silence,
    is_worth_another,
    may_be_charged,
    never_got_there,
    refuses_cap,
)
from evaluator.cost import Budget, Reservation, cost_of
from evaluator.expectation import Expectation
from evaluator.judge import Judge, ask, request_body
from evaluator.reading import failed_verdict, verdict_of
from evaluator.rubric import Rubric
from evaluator.sent_cap import SentCap
from evaluator.verdict import Item, JudgeReply, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.errors import CutOff, Malformed, TooMuch
from kullm_tui.core.endpoints.sdk import open_client
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.pace.pace import Pace, Turn

if TYPE_CHECKING:
    import openai

MOST_TRIES, _SILENT_TRIES = 4, 2
_MOST_REFUSALS = 60  # 429s in a row for one call
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.5, 20.0
_FAILURES_THAT_STOP = 8  # one after another: the server is down
_FIRST_FAILURES_THAT_STOP, _FIRST_SILENCES_THAT_STOP = 4, 4  # of a judge that has never answered
_WAIT_FOR_ANOTHER_SECONDS = 0.5


class BudgetSpent(KullmError):
    pass


class UnderWay:
    """Calls that were sent and are not answered: how many, and how long the longest has waited. Any thread may look."""

    def __init__(self) -> None:
        self._began: dict[object, float] = {}

    @contextmanager
    def one(self) -> Iterator[None]:
        call = object()
        self._began[call] = time.monotonic()
        try:
            yield
        finally:
            del self._began[call]

    @property
    def calls(self) -> int:
        return len(self._began)

    @property
    def longest_seconds(self) -> float:
        return time.monotonic() - min(list(self._began.values()), default=time.monotonic())

    @property
    def words(self) -> str:
        """What is waited for; empty where nothing is."""
        calls, seconds = self.calls, int(self.longest_seconds)
        return say(
            f"답을 기다리는 호출 {calls}개(가장 오래 {seconds}초)", f"{calls} calls wait (the longest {seconds} s)"
        ) if calls else ""  # fmt: skip


@dataclass(eq=False)
class _Leave:
    """To send one call: its money is set aside, and it is its turn."""

    reservation: Reservation
    turn: Turn


@dataclass
class _Tries:
    """Of one call."""

    failed: int = 0
    silent: int = 0
    refused: int = 0  # 429s

    def count(self, failure: Exception) -> None:
        self.refused += is_rate_limit(failure)
        self.failed += not is_rate_limit(failure)
        self.silent += is_silence(failure)

    def may_go_on(self, failure: Exception) -> bool:
        many = self.failed >= MOST_TRIES or self.silent >= _SILENT_TRIES or self.refused >= _MOST_REFUSALS
        return not many and is_worth_another(failure)


class Buying:
    def __init__(
        self,
        judge: Judge,
        rubric: Rubric,
        store: VerdictStore,
        *,
        repeat: int,
        budget: Budget,
        seconds: float,
        at_once: int,
        under_way: UnderWay,
        tell: Callable[[Verdict], None],
    ) -> None:
        self.waiting: deque[tuple[str, list[Item]]] = deque()  # those of one key share its reply
        self.stopped: KullmError | None = None
        self.has_judged = False  # before this run: what is refused now may be the items' own fault
        self._judge, self._rubric, self._store, self._repeat = judge, rubric, store, repeat
        self._budget, self._seconds, self._at_once, self._under_way = budget, seconds, at_once, under_way
        self._tell = tell
        self._expectation = Expectation(judge, rubric)
        self._cap = SentCap(self._expectation.cap)
        self._pace = Pace(most_at_once=at_once)
        self._writer = ThreadPoolExecutor(
            1, "verdicts"
        )  # its own: what was bought waits for nothing else to be written
        self._heard = False  # the judge has answered
        self._failures = self._silences = 0  # one after another
        self._first_reasons: set[str] = set()

    async def all(self) -> None:
        """Everything that waits, or as much as could be had."""
        with self._writer:
            await self._all()

    async def _all(self) -> None:
        async with (
            open_client(self._judge.endpoint, quiet_seconds=self._seconds, most_at_once=self._at_once) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(min(self._at_once, len(self.waiting))):
                group.create_task(self._work(client))

    async def _work(self, client: openai.AsyncOpenAI) -> None:
        while self.waiting and self.stopped is None:
            key, same = self.waiting.popleft()
            try:
                await self._buy(client, key, same)
            except KullmError as fault:  # the store's: nobody asks for more, and what is under way is waited for
                self.stopped = self.stopped or fault

    async def _buy(self, client: openai.AsyncOpenAI, key: str, same: list[Item]) -> None:
        leave = await self._leave(same[0])
        if leave is None:
            return
        if not await self._claimed(key, leave):
            await self._wait_for_another(key, same)
            return
        reply = None
        try:
            reply = await self._asked(client, same[0], leave)
        except KullmError as failure:
            await self._failed(key, same, failure)
        finally:
            if reply is None:
                await asyncio.shield(asyncio.to_thread(self._store.release, key))
        if reply is None:
            return
        self._heard, self._failures, self._silences = True, 0, 0
        cost = cost_of(reply, self._expectation.price)
        self.share(same, reply, cost, kept=False)
        writing = asyncio.get_running_loop().run_in_executor(self._writer, self._keep, key, reply, same[0], cost)
        await asyncio.shield(writing)

    # -- leave to send -------------------------------------------------------------------------------------------------

    async def _leave(self, item: Item, *, again: bool = False) -> _Leave | None:
        """None where the run has stopped, or the money is spent. As long as nobody knows what a call really costs, one goes at a time."""
        cost = self._expectation.cost(item)
        limited = self._budget.dollars is not None
        reservation = await self._budget.reserve(cost, alone=limited and not self._expectation.is_known)
        if reservation is None:
            self.stopped = self.stopped or BudgetSpent("")
            return None
        turn = None
        try:
            turn = await self._pace.turn(sum(self._expectation.tokens(item)), again=again)
        finally:
            if turn is None:
                self._budget.settle(reservation, 0.0)
        leave = _Leave(reservation, turn)
        if self.stopped is not None and not (again and isinstance(self.stopped, BudgetSpent)):
            self._unused(leave)
            return None
        return leave

    def _unused(self, leave: _Leave) -> None:
        self._pace.ended(leave.turn)
        self._budget.settle(leave.reservation, 0.0)

    async def _claimed(self, key: str, leave: _Leave) -> bool:
        claimed = False
        try:
            claimed = await asyncio.to_thread(self._store.claim, key)
        finally:
            if not claimed:
                self._unused(leave)
        return claimed

    async def _wait_for_another(self, key: str, same: list[Item]) -> None:
        """Another program has asked already: its reply is ours too, and if it fails we ask. A batch's may take a day."""
        await asyncio.sleep(_WAIT_FOR_ANOTHER_SECONDS)
        kept = await asyncio.to_thread(self._store.replies, [key])
        if key in kept:
            self.share(same, *kept[key], kept=True)
        elif await asyncio.to_thread(self._store.handed_in, [key]):
            self.tell_waiting(same)
        else:
            self.waiting.append((key, same))

    def tell_waiting(self, same: Sequence[Item]) -> None:
        """Nobody waits here for what was handed in as a batch, and nobody buys it a second time."""
        for item in same:
            self._tell(failed_verdict(item, waits_in_batch(), judge=self._judge, rubric=self._rubric))

    # -- the call ------------------------------------------------------------------------------------------------------

    async def _asked(self, client: openai.AsyncOpenAI, item: Item, leave: _Leave | None) -> JudgeReply | None:
        """The reply, however many tries it took; None where the run stopped meanwhile. KullmError if it does not come."""
        import openai

        tries, judge = _Tries(), self._judge
        while leave is not None:
            cap = self._cap.parameter
            try:
                return await self._attempt(client, item, leave)
            except (openai.OpenAIError, CutOff, Malformed, TooMuch) as failure:
                tries.count(failure)
                if refuses_cap(failure) and cap:
                    self._cap.give_up(cap)
                elif self._is_in_silence(failure) or not tries.may_go_on(failure):
                    raise as_error(failure, judge.endpoint, judge.model, strict=judge.mode == "strict") from failure
                alone = self._seconds_alone(failure, leave, tries)
            finally:
                self._pace.ended(leave.turn)
            await asyncio.sleep(alone * random.uniform(0.75, 1.25))
            leave = await self._leave(item, again=True)
        return None

    def _seconds_alone(self, failure: Exception, leave: _Leave, tries: _Tries) -> float:
        """That this call waits before it gets in line again, whatever the others do."""
        import openai

        if isinstance(failure, openai.APIStatusError) and is_rate_limit(failure):
            return self._pace.refused(leave.turn, failure.response.headers)
        return min(_FIRST_DELAY_SECONDS * 2.0 ** (tries.failed - 1), _LONGEST_DELAY_SECONDS)

    async def _attempt(self, client: openai.AsyncOpenAI, item: Item, leave: _Leave) -> JudgeReply:
        import openai

        cost, assumed = 0.0, False
        try:
            self._pace.leaves(leave.turn)
            with self._under_way.one():
                reply, headers = await ask(client, self._body(item), seconds=self._seconds)
            self._pace.answered(leave.turn, headers)
            self._expectation.learn(item, reply)
            cost = self._expectation.charged(item, reply)
            return reply
        except (openai.OpenAIError, CutOff, Malformed, TooMuch) as failure:
            assumed = may_be_charged(failure)
            cost = leave.reservation.cost.usual if assumed else 0.0
            raise
        finally:
            self._budget.settle(leave.reservation, cost, assumed=assumed)

    def _body(self, item: Item) -> dict[str, object]:
        return self._cap.bounded(request_body(self._judge, self._rubric, item))

    def _is_in_silence(self, failure: Exception) -> bool:
        """The judge has never answered, and several calls have waited for it in vain."""
        self._silences += is_silence(failure)
        return not self._heard and self._silences >= _FIRST_SILENCES_THAT_STOP

    # -- what came of it -----------------------------------------------------------------------------------------------

    def share(self, same: Sequence[Item], reply: JudgeReply, cost: float | None, *, kept: bool) -> None:
        """The verdict of all that have one content: bought once, so charged once."""
        for place, item in enumerate(same):
            self._tell(verdict_of(item, reply, cost, judge=self._judge, rubric=self._rubric, kept=kept or place > 0))

    def _keep(self, key: str, reply: JudgeReply, item: Item, cost: float | None) -> None:
        self._store.keep(key, reply, judge=self._judge, rubric=self._rubric, item=item, repeat=self._repeat, cost=cost)

    async def _failed(self, key: str, same: list[Item], failure: KullmError) -> None:
        self._failures += 1
        if concerns_all(failure) or self._is_in_vain(failure):
            self.stopped = self.stopped or failure
        if isinstance(failure, SchemaRefused):
            return
        for item in same:
            self._tell(failed_verdict(item, str(failure), judge=self._judge, rubric=self._rubric))
        await asyncio.to_thread(self._store.note_failures, {key: str(failure)})

    def _is_in_vain(self, failure: KullmError) -> bool:
        """Nothing was ever answered and the first calls all end alike, or too many ended badly one after another."""
        if self._heard:
            return self._failures >= _FAILURES_THAT_STOP
        self._first_reasons.add(str(failure))
        alike = not self.has_judged and len(self._first_reasons) == 1 and self._failures >= _FIRST_FAILURES_THAT_STOP
        return never_got_there(failure) or alike or self._failures >= _FAILURES_THAT_STOP


def waits_in_batch() -> str:
    return say(
        "배치로 맡겨 두었어요. 같은 명령을 --batch와 함께 다시 하거나 앱에서 r을 누르면 받고, `kullm eval batches --cancel`로 그만둬요.",
        "handed in as a batch: the same command with --batch, or r in the app, takes it; `kullm eval batches --cancel` gives it up.",
    )


def budget_spent(budget: Budget) -> BudgetSpent:
    """With what was spent in the end."""
    limit, spent = budget.dollars or 0.0, budget.spent
    return BudgetSpent(
        say(
            f"예산 ${limit:,.4g}에 도달해서 멈췄어요(사용 금액 ${spent:.4f}). 받은 채점은 남아 있으니 예산을 늘려 다시 하면 이어져요.",
            f"stopped at the budget of ${limit:,.4g} (${spent:.4f} spent). What was bought is kept: "
            "run it again with a larger budget and it goes on.",
        )
    )
