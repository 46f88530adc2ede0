"""Judging in batches at a test's server, and what it came to."""

import asyncio
from typing import Any

from evaluator.batches.ledger import Ledger
from evaluator.batches.rounds import judge_rounds_in_batches
from evaluator.cost import Budget
from evaluator.judge import Judge
from evaluator.judge_table import judge_parameters
from evaluator.judging import Outcome
from evaluator.rubric import load_rubric
from evaluator.verdict import Item
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from tests.evaluator.batch_server import BatchServer
from tests.evaluator.judge_server import ASKED

PAPER = load_rubric("kullm-2023-ko")
ONE_CALL = (ASKED * 2 + 80 * 8) / 1e6 / 2  # dollars, as the server counts, at half the price


def judge_at(server: BatchServer, mode: Any = "paper", **more: Any) -> Judge:
    return Judge(Endpoint("채점", server.base_url, "sk-secret"), "gpt-4.1", mode, judge_parameters("gpt-4.1"), **more)


def run(
    server: BatchServer,
    store: VerdictStore,
    rows: list[Item],
    *,
    repeats: int = 1,
    budget: Budget | None = None,
    **more: Any,
) -> Outcome:
    judge, rubric = more.pop("judge", judge_at(server)), more.pop("rubric", PAPER)
    work = judge_rounds_in_batches(
        dict.fromkeys(range(repeats), rows),
        judge=judge,
        rubric=rubric,
        store=store,
        budget=budget or Budget(),
        calls=JudgingSettings(timeout_seconds=20.0),
        **more,
    )
    return asyncio.run(work)


def statuses(outcome: Outcome) -> list[str]:
    return [outcome.verdicts[name].status for name in sorted(outcome.verdicts)]


def reasons(outcome: Outcome) -> set[str]:
    return {verdict.reason for verdict in outcome.verdicts.values() if verdict.status == "error"}


def nothing_is_left(store: VerdictStore) -> bool:
    return not Ledger(store).batches()
