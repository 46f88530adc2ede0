"""Judging from a shell: its cost agreed to, its calls made, and meanwhile how far it is and what it waits for."""

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from evaluator.batches.ledger import Ledger
from evaluator.batches.waiting import still_there
from evaluator.buying import UnderWay
from evaluator.either_way import Missing, handed_in_words, judge_either_way, missing_of, require_batches
from evaluator.judge import Judge
from evaluator.judge_choice import chosen_judge, judge_endpoint
from evaluator.judge_end import end_note
from evaluator.judging import Outcome, mode_note
from evaluator.rounds import Rounds
from evaluator.rubric import Rubric
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.arguments import calls_of
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.language import say

_T = TypeVar("_T")
_TICK_SECONDS = 1.0
_TICKS_A_NOTE = 60  # where no terminal shows the progress


def warn_of_end(judge: Judge, narration: Narration) -> None:
    if note := asyncio.run(end_note(judge)):
        narration.note(note)


def agreed_judge(args: argparse.Namespace, rubric: Rubric, command: str) -> Judge:
    """The judge, after somebody agreed that text goes to its host."""
    endpoints = load_config().endpoints
    endpoint, _ = judge_endpoint(args.judge_model, endpoints)
    obtain_consent(endpoint, command, leaving="answer", agreed_now=args.yes)
    mode = args.mode or rubric.mode
    judge = asyncio.run(chosen_judge(args.judge_model, mode, endpoints, insists=bool(args.mode)))
    warn_of_end(judge, Narration())
    return judge


def judged(
    items: Sequence[Item],
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    args: argparse.Namespace,
    narration: Narration,
    repeat: int = 0,
    told: Callable[[Verdict], None] | None = None,
) -> Outcome:
    """Every item's verdict, after somebody agreed to the price of those that are missing. `told` hears each as it comes."""
    rounds = {repeat: items}
    return judged_in_rounds(rounds, judge=judge, rubric=rubric, store=store, args=args, narration=narration, told=told)


def judged_in_rounds(
    rounds: Rounds,
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    args: argparse.Namespace,
    narration: Narration,
    told: Callable[[Verdict], None] | None = None,
) -> Outcome:
    """The same of several rounds, under one price and one budget."""
    wanted = sum(map(len, rounds.values()))
    in_batches = getattr(args, "batch", False)  # not every verb has batches
    missing = missing_of(rounds, judge=judge, rubric=rubric, store=store, in_batches=in_batches)
    require_batches(missing, judge)
    calls = calls_of(args, load_config().judging)
    tell_handed_in(missing, narration)
    budget = spending.agreed_budget(missing.estimate, judge.model, args, narration)
    under_way, done, waiting = UnderWay(), 0, ""

    def line() -> str:
        counted = f"{say('채점 중', 'judging')} … {done:,}/{wanted:,}  ${budget.spent:.4f}"
        return " · ".join(part for part in (counted, under_way.words, waiting) if part)

    def wait_for(words: str) -> None:
        nonlocal waiting
        waiting = words

    def hear(verdict: Verdict) -> None:
        nonlocal done
        done += 1
        narration.clear()
        if told:
            told(verdict)
        narration.progress(line())

    work = judge_either_way(
        rounds, judge=judge, rubric=rubric, store=store, budget=budget, in_batches=in_batches, calls=calls,
        under_way=under_way, told=hear, narrate=wait_for,
    )  # fmt: skip
    with told_what_goes_on(store, narration):
        outcome = asyncio.run(watched(work, line, narration))
    narration.clear()
    if note := mode_note(judge, outcome):
        narration.note(note)
    return outcome


def tell_handed_in(missing: Missing, narration: Narration) -> None:
    if missing.in_batches and missing.handed_in:
        narration.note(handed_in_words(missing.handed_in))


@contextmanager
def told_what_goes_on(store: VerdictStore, narration: Narration) -> Iterator[None]:
    """Whoever leaves hears which batches go on without them."""
    try:
        yield
    except KeyboardInterrupt:
        narration.clear()
        if words := still_there(Ledger(store).batches()):
            narration.note(words)
        raise


def spent_words(outcome: Outcome) -> str:
    """What was spent now, and how much of it nobody can know."""
    line = say(f"이번 사용 금액 ${outcome.spent:.4f}", f"${outcome.spent:.4f} was spent now")
    if not outcome.assumed:
        return f"{line}."
    assumed = f"${outcome.assumed:.4f}"
    part = say(
        f"그중 {assumed}는 답 없이 끝난 호출의 추정값", f"{assumed} of it assumed, for calls that brought nothing"
    )
    return f"{line} ({part})."


async def watched(work: Coroutine[Any, Any, _T], line: Callable[[], str], narration: Narration) -> _T:
    """Told every second on a terminal, every minute elsewhere, so that a judge which is silent is no silent program."""

    async def tell() -> None:
        ticks = 0
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            ticks += 1
            narration.progress(line())
            if not narration.live and ticks % _TICKS_A_NOTE == 0:
                narration.note(line())

    telling = asyncio.create_task(tell())
    try:
        return await work
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
