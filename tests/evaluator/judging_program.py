"""A program that judges, forked from a server that has everything imported: for tests that kill it or run two of them."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from evaluator.judge import Judge
from evaluator.judging import judge_items
from evaluator.rubric import load_rubric
from evaluator.verdict import Item
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.endpoint import Endpoint


def items(count: int, start: int = 0) -> list[Item]:
    return [Item(f"q{number}", f"지시 {number}", "", f"답 {number}") for number in range(start, start + count)]


Start = Callable[[str, Path, int], ForkServerProcess]


@contextmanager
def starting() -> Iterator[Start]:
    """Programs by the judge's address, the database, and how many answers they have judged."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "openai"])

    def start(base_url: str, database: Path, count: int) -> ForkServerProcess:
        program = context.Process(target=_judges, args=(base_url, database, count))
        program.start()
        return program

    try:
        yield start
    finally:
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # killed with the test, it would be taken for alive by the next


def _judges(base_url: str, database: Path, count: int) -> None:
    judge = Judge(Endpoint("채점", base_url, "sk"), "gpt-4.1", "paper", {"temperature": 0})
    with VerdictStore(database) as store:
        rubric = load_rubric("kullm-2023-ko")
        outcome = asyncio.run(judge_items(items(count), judge=judge, rubric=rubric, store=store))
    sys.exit(0 if outcome.stopped is None else 1)
