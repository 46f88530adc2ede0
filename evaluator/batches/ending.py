"""What is under way looked at from outside an evaluation, and given up: what was done of it is kept, the rest is free again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluator.batches.faults import as_batch_error, being_handed_in, was_cancelled
from evaluator.batches.hand_in import find_again
from evaluator.batches.ledger import Batch, Ledger
from evaluator.batches.service import BatchService, FarBatch
from evaluator.batches.taking import Taking
from evaluator.batches.waiting import waiting_words
from evaluator.judge import Judge
from evaluator.judge_choice import judge_again
from evaluator.sent_cap import SentCap
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.endpoints.errors import CutOff, Malformed, TooMuch
from kullm_tui.core.endpoints.sdk import open_client
from kullm_tui.core.errors import KullmError

_SECONDS = 60.0  # for one request
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 15.0


@dataclass(frozen=True)
class GivenUp:
    kept: int = 0  # verdicts that were done
    freed: int = 0  # calls that may be asked for again

    def __add__(self, other: GivenUp) -> GivenUp:
        return GivenUp(self.kept + other.kept, self.freed + other.freed)


async def looked_at(
    batches: Sequence[Batch], endpoints: Sequence[EndpointSettings]
) -> list[tuple[Batch, FarBatch | None]]:
    """With how far each is; None where that cannot be had now."""
    return [(one, await _far(one, endpoints)) for one in batches]


async def give_up(
    store: VerdictStore, endpoints: Sequence[EndpointSettings], narrate: Callable[[str], None]
) -> GivenUp:
    """Every batch that is under way. It may take minutes until the other side has ended one; whoever does not wait finds the rest later."""
    ledger, total = Ledger(store), GivenUp()
    for batch in await asyncio.to_thread(ledger.batches):
        judge = judge_again(batch.judge, endpoints)
        total += await _given_up(batch, judge, ledger, narrate)
    return total


async def _given_up(batch: Batch, judge: Judge, ledger: Ledger, narrate: Callable[[str], None]) -> GivenUp:
    import openai

    try:
        async with open_client(judge.endpoint, quiet_seconds=_SECONDS) as client:
            service = BatchService(client, seconds=_SECONDS)
            number = batch.batch or await _found(service, ledger, batch)
            if not number:
                return GivenUp(freed=batch.calls)
            try:
                far = await _ended(service, number, batch, narrate)
            except openai.NotFoundError:
                return await _freed(ledger, batch)
            if far.status == "failed":
                return await _freed(ledger, batch)
            taken = await Taking(judge, ledger, SentCap(None)).take(service, batch, far, lambda _key: 0.0)
            return GivenUp(len(taken.replies), batch.calls - len(taken.replies))
    except (openai.OpenAIError, CutOff, Malformed, TooMuch) as failure:
        raise as_batch_error(failure, judge.endpoint, judge.model) from failure


async def _found(service: BatchService, ledger: Ledger, batch: Batch) -> str:
    """Of a batch whose hand-in broke off; empty where it is not there, and free."""
    if not batch.is_broken_off or not await asyncio.to_thread(ledger.take_over, batch):
        raise being_handed_in(batch)
    far = await find_again(service, ledger, batch)
    return far.id if far else ""


async def _ended(service: BatchService, number: str, batch: Batch, narrate: Callable[[str], None]) -> FarBatch:
    """Cancelled, and waited for; one that is over already is as it is."""
    far, pause = await service.retrieve(number), _FIRST_PAUSE_SECONDS
    if not far.is_over and far.status != "cancelling":
        far = await service.cancel(number)
    while not far.is_over:
        narrate(waiting_words([(batch, far)]))
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        far = await service.retrieve(number)
    return far


async def _freed(ledger: Ledger, batch: Batch) -> GivenUp:
    """Nothing of it can be had: its calls are free again."""
    keys = await asyncio.to_thread(ledger.keys, batch)
    await asyncio.to_thread(ledger.give_back, batch, dict.fromkeys(keys, was_cancelled()))
    await asyncio.to_thread(ledger.end, batch)
    return GivenUp(freed=len(keys))


async def _far(batch: Batch, endpoints: Sequence[EndpointSettings]) -> FarBatch | None:
    import openai

    if not batch.batch:
        return None
    try:
        judge = judge_again(batch.judge, endpoints)
        async with open_client(judge.endpoint, quiet_seconds=_SECONDS) as client:
            return await BatchService(client, seconds=_SECONDS).retrieve(batch.batch)
    except (KullmError, openai.OpenAIError, CutOff, Malformed, TooMuch):
        return None
