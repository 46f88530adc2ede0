"""Rounds judged call by call or in batches, as somebody wants it: what is still to be had of them, and how. One way for every verb and the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from evaluator.batches.probe import refuse_without_batches
from evaluator.batches.rounds import judge_rounds_in_batches
from evaluator.buying import UnderWay
from evaluator.cost import Budget, Estimate, estimated
from evaluator.judge import Judge
from evaluator.judging import Outcome
from evaluator.rounds import Rounds, judge_rounds, missing_in_rounds
from evaluator.rubric import Rubric
from evaluator.verdict import Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.language import say


@dataclass(frozen=True)
class Missing:
    """What nobody has said of the rounds yet."""

    estimate: Estimate  # of what would have to be bought
    handed_in: int  # what a batch will bring, and was agreed to then
    in_batches: bool

    @property
    def asks_the_judge(self) -> bool:
        return bool(self.estimate.calls or (self.in_batches and self.handed_in))


def missing_of(
    rounds: Rounds, *, judge: Judge, rubric: Rubric, store: VerdictStore, in_batches: bool = False
) -> Missing:
    to_buy = missing_in_rounds(rounds, judge=judge, rubric=rubric, store=store)
    keys = (judge.key(rubric, item, repeat) for repeat, items in rounds.items() for item in items)
    return Missing(estimated(judge, rubric, to_buy, in_batch=in_batches), len(store.handed_in(keys)), in_batches)


def require_batches(missing: Missing, judge: Judge) -> None:
    """An EndpointError where the judge's server takes none, before anything else is done."""
    if missing.in_batches and missing.asks_the_judge:
        asyncio.run(refuse_without_batches(judge))


def handed_in_words(count: int) -> str:
    return say(
        f"{count:,}개는 배치로 이미 맡겨 두었어요. 끝나면 받아요.",
        f"{count:,} are handed in as a batch already, and are taken when they are done.",
    )


async def judge_either_way(
    rounds: Rounds,
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    budget: Budget,
    in_batches: bool,
    calls: JudgingSettings | None = None,
    under_way: UnderWay | None = None,
    told: Callable[[Verdict], None] | None = None,
    narrate: Callable[[str], None] = lambda _words: None,
) -> Outcome:
    """`told` hears each verdict as it comes. Calls that are under way show in `under_way`, batches that wait are said by `narrate`."""
    if in_batches:
        return await judge_rounds_in_batches(
            rounds, judge=judge, rubric=rubric, store=store, budget=budget, calls=calls, told=told, narrate=narrate
        )
    return await judge_rounds(
        rounds, judge=judge, rubric=rubric, store=store, budget=budget, calls=calls, under_way=under_way, told=told
    )
