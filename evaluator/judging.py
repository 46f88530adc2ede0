"""Many responses to one judge: what is stored is not asked again, what is missing is bought (`buying.py`), and every item has a verdict.

A verdict without scores says why: the judge's words could not be read, or the call failed, or the run stopped before it. The reasons
of the last two are noted, so that a table which is looked at later tells them too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from evaluator.buying import BudgetSpent, Buying, UnderWay, budget_spent
from evaluator.call_faults import SchemaRefused
from evaluator.cost import Budget
from evaluator.judge import Judge
from evaluator.judge_choice import retired
from evaluator.reading import failed_verdict, verdict_of
from evaluator.rubric import Rubric
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.errors import EndpointError, KullmError, StoreError
from kullm_tui.core.language import say


@dataclass(frozen=True)
class Outcome:
    """What a run came to. `stopped` is why it ended before its time; the rest can be bought later."""

    verdicts: Mapping[str, Verdict]  # every item's, by its id
    spent: float
    judge: Judge  # as it really was asked: in the paper's mode where its server takes no schema
    stopped: KullmError | None = None
    assumed: float = 0.0  # of what was spent: for calls that may be charged and brought nothing

    @property
    def failed(self) -> int:
        """Items that the way to the judge and back cost their scores, not what the judge said."""
        return sum(verdict.status == "error" for verdict in self.verdicts.values())


async def judge_items(
    items: Sequence[Item],
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    repeat: int = 0,
    budget: Budget | None = None,
    calls: JudgingSettings | None = None,
    under_way: UnderWay | None = None,
    told: Callable[[Verdict], None] | None = None,
) -> Outcome:
    """Every item's verdict, in any order; `told` hears each as it comes. Ids must be unique. `under_way` can be watched meanwhile.

    A judge whose server takes no schema is asked in the paper's mode, unless somebody insisted on the strict one.
    """
    budget, calls = budget or Budget(), calls or JudgingSettings()
    await asyncio.to_thread(store.clear_abandoned)
    while True:
        verdicts: dict[str, Verdict] = {}

        def tell(verdict: Verdict, verdicts: dict[str, Verdict] = verdicts) -> None:
            verdicts[verdict.id] = verdict
            if told:
                told(verdict)

        buying = Buying(
            judge,
            rubric,
            store,
            repeat=repeat,
            budget=budget,
            seconds=calls.timeout_seconds,
            at_once=calls.at_once,
            under_way=under_way or UnderWay(),
            tell=tell,
        )
        keys = await _take_kept(items, buying, judge=judge, rubric=rubric, store=store, repeat=repeat)
        if buying.waiting:
            await buying.all()
        if not isinstance(buying.stopped, SchemaRefused) or judge.insists:
            break
        judge = replace(judge, mode="paper")
    stopped = await told_in_the_end(buying.stopped, judge, budget)
    if stopped:
        verdicts |= _told_by_each(verdicts, str(buying.stopped), str(stopped))
        unreached = [item for item in items if item.id not in verdicts]
        verdicts |= {one.id: failed_verdict(one, str(stopped), judge=judge, rubric=rubric) for one in unreached}
        await _note(store, [keys[item.id] for item in unreached], str(stopped))
    return Outcome(verdicts, budget.spent, judge, stopped, budget.assumed)


async def _take_kept(
    items: Sequence[Item], buying: Buying, *, judge: Judge, rubric: Rubric, store: VerdictStore, repeat: int
) -> Mapping[str, str]:
    """What is stored is told at once, the rest waits. The items' keys, by their ids."""
    keys = {item.id: judge.key(rubric, item, repeat) for item in items}
    by_key: dict[str, list[Item]] = {}
    for item in items:
        by_key.setdefault(keys[item.id], []).append(item)
    kept = await asyncio.to_thread(store.replies, by_key)
    in_batch = await asyncio.to_thread(store.handed_in, by_key)
    failed = await asyncio.to_thread(store.failures, by_key)
    for key, same in by_key.items():
        if key in kept:
            buying.share(same, *kept[key], kept=True)
        elif key in in_batch:
            buying.tell_waiting(same)
    # What failed before goes last: a few that always fail must not stand before all the others.
    buying.waiting.extend(
        sorted(
            ((k, same) for k, same in by_key.items() if k not in kept and k not in in_batch),
            key=lambda one: one[0] in failed,
        )
    )
    buying.has_judged = bool(kept)
    return keys


async def _note(store: VerdictStore, keys: Sequence[str], reason: str) -> None:
    with suppress(StoreError):  # which may be what it was stopped by
        await asyncio.to_thread(store.note_failures, dict.fromkeys(keys, reason))


def _told_by_each(verdicts: Mapping[str, Verdict], met: str, told: str) -> dict[str, Verdict]:
    """Those that met what ended the run, with what can be done about it."""
    return {name: replace(one, reason=told) for name, one in verdicts.items() if one.reason == met}


async def told_in_the_end(stopped: KullmError | None, judge: Judge, budget: Budget) -> KullmError | None:
    if isinstance(stopped, BudgetSpent):
        return budget_spent(budget)
    if isinstance(stopped, EndpointError) and stopped.status == 404:
        return await retired(stopped, judge)
    return stopped


def mode_note(asked: Judge, outcome: Outcome) -> str:
    """Once, for whoever asked: empty where the judge was asked as it was meant to be."""
    if outcome.judge.mode == asked.mode:
        return ""
    return say(
        f"{asked.model}: JSON 스키마를 받지 않아 논문처럼 글로 채점했어요(--mode paper와 같아요).",
        f"{asked.model} takes no JSON schema, so it judged in free text as in the paper (as with --mode paper).",
    )


def missing_items(
    items: Sequence[Item], *, judge: Judge, rubric: Rubric, store: VerdictStore, repeat: int = 0
) -> list[Item]:
    """Those that would have to be bought, each content once: what an estimate is made of. What is handed in as a batch is bought."""
    by_key = {judge.key(rubric, item, repeat): item for item in items}
    there = store.replies(by_key).keys() | store.handed_in(by_key)
    return [item for key, item in by_key.items() if key not in there]


def kept_verdicts(
    items: Sequence[Item], *, judge: Judge, rubric: Rubric, store: VerdictStore, repeat: int = 0
) -> dict[str, Verdict]:
    """What the store holds for these items, read with today's parser; what could not be had, with its reason. Nothing is asked."""
    keys = {item.id: judge.key(rubric, item, repeat) for item in items}
    replies, failures = store.replies(keys.values()), store.failures(keys.values())
    imports = store.imports(keys.values())
    found = {}
    for item in items:
        key = keys[item.id]
        if key in replies:
            verdict = verdict_of(item, *replies[key], judge=judge, rubric=rubric, kept=True)
            found[item.id] = replace(verdict, imported=imports[key][0]) if key in imports else verdict
        elif key in failures:
            found[item.id] = failed_verdict(item, failures[key], judge=judge, rubric=rubric)
    return found
