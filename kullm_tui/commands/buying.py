"""Verdicts bought by a command: what they will cost is agreed to, then each is counted as it comes."""

import argparse
import asyncio
from collections.abc import Callable, Sequence

from evaluator.cost import estimated
from evaluator.judge import Judge
from evaluator.judging import Outcome, judge_items, missing_items
from evaluator.rubric import Rubric
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.commands import spending
from kullm_tui.commands.narration import Narration


def bought(
    items: Sequence[Item],
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    args: argparse.Namespace,
    narration: Narration,
    repeat: int = 0,
) -> Outcome:
    missing = missing_items(items, judge=judge, rubric=rubric, store=store, repeat=repeat)
    budget = spending.agreed_budget(estimated(judge, rubric, missing), judge.model, args, narration)
    told = counting(narration, len(items), lambda: budget.spent)
    outcome = asyncio.run(
        judge_items(items, judge=judge, rubric=rubric, store=store, repeat=repeat, budget=budget, told=told)
    )
    narration.clear()
    return outcome


def counting(narration: Narration, wanted: int, spent: Callable[[], float]) -> Callable[[Verdict], None]:
    """Shows how many verdicts have come, and what they cost so far."""
    show, done = spending.running_total(narration, wanted), 0

    def told(_verdict: Verdict) -> None:
        nonlocal done
        done += 1
        show(done, spent())

    return told
