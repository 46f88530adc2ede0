"""Many responses to one judge: each verdict bought once, written at once, at the pace that the server allows.

What is stored is not asked again. Failures of the network and the server are tried again; what no other try can change (a
refused key, a missing model, no quota left, a spent budget) stops the run, after the calls under way have come back.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluator.cost import Budget, Price, call_tokens, cost_of, price_of
from evaluator.judge import Judge, ask, request_body
from evaluator.judge_choice import retired
from evaluator.pace import Pace, Turn
from evaluator.rubric import Rubric
from evaluator.suspicion import suspicions
from evaluator.verdict import Item, JudgeReply, Verdict, status_of
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoint_client import open_client
from kullm_tui.core.endpoint_errors import CutOff, Malformed, asked_delay, translated
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.money import money

if TYPE_CHECKING:
    import openai

_TRIES = 4
_MOST_REFUSALS = 60  # 429s in a row for one call
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.5, 20.0
_TIMEOUT_SECONDS = 120.0
_LONGEST_WAIT_SECONDS = 600.0  # a server that asks for more is asked another day
_FAILURES_THAT_STOP = 8  # one after another: the server is down
_WAIT_FOR_ANOTHER_SECONDS = 0.5
_AT_ONCE = 64


@dataclass(frozen=True)
class Outcome:
    """What a run came to. `stopped` is why it ended before its time; the rest can be bought later."""

    verdicts: Mapping[str, Verdict]  # by the item's id; without those that were not reached
    spent: float
    stopped: KullmError | None = None


class BudgetSpent(KullmError):
    pass


async def judge_items(
    items: Sequence[Item],
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    repeat: int = 0,
    budget: Budget | None = None,
    timeout_seconds: float = _TIMEOUT_SECONDS,
    told: Callable[[Verdict], None] | None = None,
) -> Outcome:
    """Every item's verdict, in any order; `told` hears each as it comes. Ids must be unique."""
    run = _Run(judge, rubric, store, repeat, budget or Budget(), told)
    await asyncio.to_thread(store.clear_abandoned)
    await run.take_kept(items)
    if run.waiting:
        async with (
            open_client(judge.endpoint, quiet_seconds=timeout_seconds, most_at_once=_AT_ONCE) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(min(_AT_ONCE, len(run.waiting))):
                group.create_task(run.work(client))
    stopped = run.stopped
    if isinstance(stopped, EndpointError) and stopped.status == 404:
        stopped = await retired(stopped, judge)
    return Outcome(run.verdicts, run.budget.spent, stopped)


def missing_items(
    items: Sequence[Item], *, judge: Judge, rubric: Rubric, store: VerdictStore, repeat: int = 0
) -> list[Item]:
    """Those that would have to be bought, each content once: what an estimate is made of."""
    by_key = {judge.key(rubric, item, repeat): item for item in items}
    kept = store.replies(by_key)
    return [item for key, item in by_key.items() if key not in kept]


def kept_verdicts(
    items: Sequence[Item], *, judge: Judge, rubric: Rubric, store: VerdictStore, repeat: int = 0
) -> dict[str, Verdict]:
    """What the store holds for these items, read with today's parser. Nothing is asked."""
    keys = {item.id: judge.key(rubric, item, repeat) for item in items}
    replies = store.replies(keys.values())
    return {
        item.id: verdict_of(item, *replies[keys[item.id]], judge=judge, rubric=rubric, kept=True)
        for item in items
        if keys[item.id] in replies
    }


def verdict_of(
    item: Item, reply: JudgeReply, cost: float | None, *, judge: Judge, rubric: Rubric, kept: bool
) -> Verdict:
    status, scores, reason = status_of(reply, rubric, judge.mode, response=item.response)
    return Verdict(
        id=item.id,
        status=status,
        scores=scores,
        text=reply.text,
        reason=reason,
        model=judge.model,
        rubric=rubric.name,
        cost=cost,
        flags=suspicions(item.response, rubric),
        kept=kept,
        answered_by=reply.model,
        fingerprint=reply.fingerprint,
        criteria=rubric.criteria,
        origin=judge.origin(rubric),
        created=0.0 if kept else time.time(),
    )


@dataclass
class _Bill:
    """What one call costs, with the attempts that brought nothing and may be charged for all the same."""

    priced: bool
    cost: float | None = 0.0  # None: of a reply that does not tell
    lost: int = 0

    def amount(self, expected: float) -> float | None:
        """Where nobody knows better, an attempt is taken to have cost what was expected of it."""
        if not self.priced:
            return self.cost
        return (expected if self.cost is None else self.cost) + expected * self.lost


class _Run:
    def __init__(
        self,
        judge: Judge,
        rubric: Rubric,
        store: VerdictStore,
        repeat: int,
        budget: Budget,
        told: Callable[[Verdict], None] | None,
    ) -> None:
        self.budget = budget
        self.verdicts: dict[str, Verdict] = {}
        self.waiting: deque[tuple[str, list[Item]]] = deque()  # those of one key share its reply
        self.stopped: KullmError | None = None
        self._judge, self._rubric, self._store, self._repeat = judge, rubric, store, repeat
        self._told = told
        self._price: Price | None = price_of(judge)
        self._pace = Pace(most_at_once=_AT_ONCE)
        self._failures = 0

    async def take_kept(self, items: Sequence[Item]) -> None:
        by_key: dict[str, list[Item]] = {}
        for item in items:
            by_key.setdefault(self._judge.key(self._rubric, item, self._repeat), []).append(item)
        kept = await asyncio.to_thread(self._store.replies, by_key)
        for key, same in by_key.items():
            if key in kept:
                self._share(same, *kept[key], kept=True)
            else:
                self.waiting.append((key, same))

    async def work(self, client: openai.AsyncOpenAI) -> None:
        while self.waiting and self.stopped is None:
            key, same = self.waiting.popleft()
            tokens_in, tokens_out = call_tokens(self._judge, self._rubric, same[0], self._price)
            price = self._price or Price(0, 0)
            aside = (tokens_in * price.input + tokens_out * price.output) / 1e6
            if not self.budget.set_aside(aside):
                self.stopped = self.stopped or _budget_spent(self.budget)
                return
            bill = _Bill(priced=self._price is not None)
            try:
                await self._buy(client, key, same, tokens_in + tokens_out, bill)
            except KullmError as fault:  # the store's: nobody asks for more, and what is under way is waited for
                self.stopped = self.stopped or fault
            finally:
                self.budget.settle(aside, bill.amount(aside))

    async def _buy(self, client: openai.AsyncOpenAI, key: str, same: list[Item], tokens: int, bill: _Bill) -> None:
        turn = await self._pace.turn(tokens)
        if not await asyncio.to_thread(self._store.claim, key):
            self._pace.ended(turn)
            await self._wait_for_another(key, same)
            return
        reply = None
        try:
            reply = await self._asked(client, same[0], turn, bill)
        except KullmError as failure:
            self._failed(same, failure)
        finally:
            if reply is None:
                await asyncio.shield(asyncio.to_thread(self._store.release, key))
        if reply is None:
            return
        self._failures = 0
        cost = bill.cost = cost_of(reply, self._price)
        self._share(same, reply, cost, kept=False)
        await asyncio.shield(asyncio.to_thread(self._keep, key, reply, same[0], cost))

    async def _wait_for_another(self, key: str, same: list[Item]) -> None:
        """Another program has asked already: its reply is ours too, and if it fails we ask."""
        await asyncio.sleep(_WAIT_FOR_ANOTHER_SECONDS)
        kept = await asyncio.to_thread(self._store.replies, [key])
        if key in kept:
            self._share(same, *kept[key], kept=True)
        else:
            self.waiting.append((key, same))

    async def _asked(self, client: openai.AsyncOpenAI, item: Item, turn: Turn, bill: _Bill) -> JudgeReply | None:
        """The reply, however many tries it took; None where the run stopped meanwhile. EndpointError if it does not come."""
        import openai

        body = request_body(self._judge, self._rubric, item)
        tries = refusals = 0
        while True:
            if self.stopped is not None and not isinstance(self.stopped, BudgetSpent):
                self._pace.ended(turn)
                return None
            try:
                self._pace.leaves(turn)
                reply, headers = await ask(client, body)
                self._pace.answered(turn, headers)
                return reply
            except (openai.OpenAIError, CutOff, Malformed) as failure:
                bill.lost += _may_be_charged(failure)
                if _is_rate_limit(failure):
                    refusals += 1
                else:
                    tries += 1
                if not _is_worth_another(failure) or tries >= _TRIES or refusals >= _MOST_REFUSALS:
                    raise translated(failure, self._judge.endpoint, self._judge.model, begun=False) from failure
                if isinstance(failure, openai.APIStatusError) and _is_rate_limit(failure):
                    self._pace.refused(turn, failure.response.headers)
            finally:
                self._pace.ended(turn)
            if tries:
                delay = min(_FIRST_DELAY_SECONDS * 2 ** (tries - 1), _LONGEST_DELAY_SECONDS)
                await asyncio.sleep(delay * random.uniform(0.75, 1.25))
            turn = await self._pace.turn(turn.tokens)

    def _keep(self, key: str, reply: JudgeReply, item: Item, cost: float | None) -> None:
        self._store.keep(key, reply, judge=self._judge, rubric=self._rubric, item=item, repeat=self._repeat, cost=cost)

    def _share(self, same: Sequence[Item], reply: JudgeReply, cost: float | None, *, kept: bool) -> None:
        for place, item in enumerate(same):
            shared = kept or place > 0  # bought once, so charged once
            self._tell(verdict_of(item, reply, cost, judge=self._judge, rubric=self._rubric, kept=shared))

    def _failed(self, same: Sequence[Item], failure: KullmError) -> None:
        self._failures += 1
        if _concerns_all(failure) or self._failures >= _FAILURES_THAT_STOP:
            self.stopped = self.stopped or failure
        for item in same:
            flags = suspicions(item.response, self._rubric)
            self._tell(
                Verdict(
                    item.id,
                    "error",
                    text=str(failure),
                    model=self._judge.model,
                    rubric=self._rubric.name,
                    cost=0.0,
                    flags=flags,
                    criteria=self._rubric.criteria,
                    origin=self._judge.origin(self._rubric),
                )
            )

    def _tell(self, verdict: Verdict) -> None:
        self.verdicts[verdict.id] = verdict
        if self._told:
            self._told(verdict)


def _is_rate_limit(failure: Exception) -> bool:
    import openai

    return (
        isinstance(failure, openai.APIStatusError)
        and failure.status_code == 429
        and failure.code != "insufficient_quota"
    )


def _may_be_charged(failure: Exception) -> bool:
    """The request had been read, as far as one can tell, and nothing usable came of it."""
    import openai

    if isinstance(failure, openai.APIConnectionError):
        return not type(failure.__cause__).__name__.startswith(("Connect", "Pool"))
    return isinstance(failure, CutOff | Malformed)


def _is_worth_another(failure: Exception) -> bool:
    import openai

    if isinstance(failure, openai.APIStatusError):
        if (asked_delay(failure.response.headers) or 0.0) > _LONGEST_WAIT_SECONDS:
            return False
        return _is_rate_limit(failure) or failure.status_code in (408, 409) or failure.status_code >= 500
    # A reply in another form than the protocol was paid for all the same, and the next one would be no better.
    return isinstance(failure, openai.APIConnectionError | CutOff)


def _concerns_all(failure: KullmError) -> bool:
    """Nothing about the item was wrong, so the next one would fare no better."""
    if not isinstance(failure, EndpointError):
        return True
    return failure.status in (401, 403, 404, 429) or (failure.status or 0) in range(300, 400)


def _budget_spent(budget: Budget) -> BudgetSpent:
    limit, spent = budget.dollars or 0.0, budget.spent
    return BudgetSpent(
        say(
            f"예산 {money(limit)}에 도달해서 멈췄어요(사용 금액 {money(spent)}). 받은 채점은 남아 있으니 예산을 늘려 다시 하면 이어져요.",
            f"stopped at the budget of {money(limit)} ({money(spent)} spent). What was bought is kept: "
            "run it again with a larger budget and it goes on.",
        )
    )
