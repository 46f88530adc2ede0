"""All rounds of a judging in batches together: a batch may take a day, so no round waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from evaluator.batches.batch_judging import BatchJudging, Wanted
from evaluator.buying import waits_in_batch
from evaluator.call_faults import SchemaRefused
from evaluator.cost import Budget
from evaluator.judge import Judge
from evaluator.judging import Outcome, told_in_the_end
from evaluator.reading import failed_verdict
from evaluator.rounds import Rounds
from evaluator.rubric import Rubric
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.errors import KullmError, StoreError

Heard = dict[tuple[int, str], Verdict]  # by round and item


async def judge_rounds_in_batches(
    rounds: Rounds,
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    budget: Budget,
    calls: JudgingSettings | None = None,
    told: Callable[[Verdict], None] | None = None,
    narrate: Callable[[str], None] = lambda _words: None,
) -> Outcome:
    """As `judge_rounds` does it call by call. A judge whose server takes no schema is asked in the paper's mode, unless somebody
    insisted on the strict one."""
    await asyncio.to_thread(store.clear_abandoned)
    while True:
        heard: Heard = {}

        def tell(repeat: int, verdict: Verdict, heard: Heard = heard) -> None:
            heard[repeat, verdict.id] = verdict
            if told:
                told(verdict)

        work = BatchJudging(
            _wanted(rounds, judge, rubric),
            judge=judge,
            rubric=rubric,
            store=store,
            budget=budget,
            seconds=(calls or JudgingSettings()).timeout_seconds,
            tell=tell,
            narrate=narrate,
        )
        await work.all()
        if not isinstance(work.stopped, SchemaRefused) or judge.insists:
            break
        judge = replace(judge, mode="paper")
    stopped = await told_in_the_end(work.stopped, judge, budget)
    if stopped:
        heard |= await _unreached(rounds, heard, stopped, judge=judge, rubric=rubric, store=store)
    return Outcome(_by_item(heard), budget.spent, judge, stopped, budget.assumed)


def _wanted(rounds: Rounds, judge: Judge, rubric: Rubric) -> dict[str, Wanted]:
    by_key: dict[str, tuple[int, list[Item]]] = {}
    for repeat, items in sorted(rounds.items()):
        for item in items:
            by_key.setdefault(judge.key(rubric, item, repeat), (repeat, []))[1].append(item)
    return {key: Wanted(items, repeat) for key, (repeat, items) in by_key.items()}


async def _unreached(
    rounds: Rounds, heard: Heard, stopped: KullmError, *, judge: Judge, rubric: Rubric, store: VerdictStore
) -> Heard:
    """What a run that was stopped has no verdict of, with its reason; that is noted, but for what a batch will bring all the same."""
    missing = {
        judge.key(rubric, item, repeat): (repeat, item)
        for repeat, items in rounds.items()
        for item in items
        if (repeat, item.id) not in heard
    }
    found: Heard = {}
    try:
        waiting = await asyncio.to_thread(store.handed_in, missing)
        await asyncio.to_thread(store.note_failures, {key: str(stopped) for key in missing if key not in waiting})
    except StoreError:  # which may be what it was stopped by
        waiting = set()
    for repeat, items in rounds.items():
        for item in items:
            if (repeat, item.id) not in heard:
                reason = waits_in_batch() if judge.key(rubric, item, repeat) in waiting else str(stopped)
                found[repeat, item.id] = failed_verdict(item, reason, judge=judge, rubric=rubric)
    return found


def _by_item(heard: Mapping[tuple[int, str], Verdict]) -> dict[str, Verdict]:
    """A verdict that failed in any round is the item's."""
    verdicts: dict[str, Verdict] = {}
    for _, verdict in sorted(heard.items(), key=lambda one: one[0]):
        known = verdicts.get(verdict.id)
        if known is None or known.status != "error":
            verdicts[verdict.id] = verdict
    return verdicts
