"""The results of a batch that is over, taken: replies become verdicts, and what brought none is asked for again or has its reason.

A call is handed in as often as it is tried where it goes out by itself (`buying.py`), and for the same reasons.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evaluator.batches.faults import expired_again, results_gone, was_cancelled, without_result
from evaluator.batches.ledger import Batch, Ledger
from evaluator.batches.results import NotReached, Results, read_results
from evaluator.batches.service import BatchService, FarBatch
from evaluator.buying import MOST_TRIES
from evaluator.call_faults import SchemaRefused, as_error, concerns_all, is_worth_another, may_be_charged, refuses_cap
from evaluator.cost import cost_of, price_of
from evaluator.judge import Judge
from evaluator.sent_cap import SentCap
from evaluator.verdict import JudgeReply
from kullm_tui.core.errors import KullmError

_AT_ONCE = 500  # verdicts of one transaction
_GONE = (404, 410)


@dataclass
class Taken:
    """By the verdict's key. Whatever is in neither may be asked for again."""

    replies: dict[str, tuple[JudgeReply, float | None]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    assumed: float = 0.0  # dollars, for calls that may be charged and brought nothing
    stops: KullmError | None = None  # what no other call would fare better with


class Taking:
    def __init__(self, judge: Judge, ledger: Ledger, cap: SentCap) -> None:
        self._judge, self._ledger, self._cap = judge, ledger, cap
        self._price = price_of(judge, in_batch=True)
        self._tries: Counter[str] = Counter()

    async def take(self, service: BatchService, batch: Batch, far: FarBatch, usual: Callable[[str], float]) -> Taken:
        """`usual`: dollars that a call usually costs."""
        results, is_gone = await _results_of(service, far)
        taken = Taken()
        await self._keep(batch, results.replies, taken)
        reasons = self._reasons(results.failures, far, usual, taken)
        left = await asyncio.to_thread(self._ledger.keys, batch) - reasons.keys()
        if far.status == "completed" or is_gone:
            reasons |= dict.fromkeys(left, results_gone() if is_gone else without_result())
            taken.assumed += sum(map(usual, left))
        else:
            reasons |= {key: self._not_reached(key, far) for key in left}
        there = await asyncio.to_thread(self._ledger.give_back, batch, reasons)
        taken.failures = {key: reason for key, reason in reasons.items() if reason and key in there}
        await asyncio.to_thread(self._ledger.end, batch)
        return taken

    async def _keep(self, batch: Batch, replies: Mapping[str, JudgeReply], taken: Taken) -> None:
        priced = {key: (reply, cost_of(reply, self._price)) for key, reply in replies.items()}
        keys = list(priced)
        for start in range(0, len(keys), _AT_ONCE):
            some = {key: priced[key] for key in keys[start : start + _AT_ONCE]}
            new = await asyncio.to_thread(self._ledger.keep, batch, some)
            taken.replies |= {key: some[key] for key in new}

    def _reasons(
        self, failures: Mapping[str, Exception], far: FarBatch, usual: Callable[[str], float], taken: Taken
    ) -> dict[str, str]:
        """Why there is no verdict; empty where it is asked for again."""
        sent = self._cap.parameter
        reasons = {}
        for key, failure in failures.items():
            if isinstance(failure, NotReached):
                reasons[key] = self._not_reached(key, far)
                continue
            self._tries[key] += 1
            taken.assumed += usual(key) if may_be_charged(failure) else 0.0
            reasons[key] = self._reason(key, failure, sent, taken)
        return reasons

    def _not_reached(self, key: str, far: FarBatch) -> str:
        """Somebody wanted it so, or the time was too short, and then another batch may reach it."""
        if far.status == "cancelled":
            return was_cancelled()
        self._tries[key] += 1
        return expired_again(MOST_TRIES) if self._tries[key] >= MOST_TRIES else ""

    def _reason(self, key: str, failure: Exception, sent: str, taken: Taken) -> str:
        if refuses_cap(failure) and sent:
            self._cap.give_up(sent)
            return ""
        if is_worth_another(failure) and self._tries[key] < MOST_TRIES:
            return ""
        error = as_error(failure, self._judge.endpoint, self._judge.model, strict=self._judge.mode == "strict")
        if concerns_all(error):
            taken.stops = taken.stops or error
        return "" if isinstance(error, SchemaRefused) else str(error)


async def _results_of(service: BatchService, far: FarBatch) -> tuple[Results, bool]:
    """And whether a file of them is not there any more."""
    import openai

    lines: list[bytes] = []
    is_gone = False
    for file in filter(None, (far.output_file, far.error_file)):
        try:
            lines += await service.lines(file)
        except openai.APIStatusError as failure:
            if failure.status_code not in _GONE:
                raise
            is_gone = True
    return read_results(lines), is_gone
