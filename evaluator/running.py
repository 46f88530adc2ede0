"""A run from its first answer to its last verdict. Every answer and verdict is kept as it comes, so it can end at any moment.

A system that fails does not stop the others; what is missing at the end can be had later by running it again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from evaluator.answer_store import System, kept_answers
from evaluator.answers import answer_questions
from evaluator.buying import UnderWay
from evaluator.cost import Budget
from evaluator.evaluation import Evaluation, change_judge, judge_evaluation, system_of
from evaluator.judging import Outcome
from evaluator.verdict import Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.asking.target import Target
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import EngineGone, KullmError

Stage = Literal["answers", "judging", "ended"]
StartEngine = Callable[[Callable[[str], None]], Endpoint]


@dataclass
class Progress:
    """How far a run is: written by the run, read by whoever shows it."""

    stage: Stage = "answers"
    now: str = ""  # the system that answers
    waiting: str = ""  # what it waits for, while nothing comes
    answers: dict[str, int] = field(default_factory=dict)
    verdicts: dict[str, int] = field(default_factory=dict)
    unscored: dict[str, int] = field(default_factory=dict)
    failures: dict[str, KullmError] = field(default_factory=dict)  # by system
    troubles: dict[str, str] = field(default_factory=dict)  # by system: why the last call that failed did
    outcome: Outcome | None = None  # of judging, once it ended
    under_way: UnderWay = field(default_factory=UnderWay)  # calls to the judge
    began: float = field(default_factory=time.monotonic)  # what is done now: this system's answers, or the judging
    done: int = 0  # since then, without what was kept from before

    def begin(self, stage: Stage, now: str = "") -> None:
        self.stage, self.now, self.waiting = stage, now, ""
        self.began, self.done = time.monotonic(), 0

    @property
    def failed(self) -> int:
        """Answers that the way to the judge and back cost their scores."""
        return self.outcome.failed if self.outcome else 0

    @property
    def stopped(self) -> KullmError | None:
        """Why judging ended before its time."""
        return self.outcome.stopped if self.outcome else None

    @property
    def complete(self) -> bool:
        """It ran to its end, and nothing failed on the way."""
        return self.stage == "ended" and not self.failures and not self.failed and self.stopped is None


async def run_evaluation(
    evaluation: Evaluation,
    targets: Mapping[str, Target],
    *,
    number: int,
    store: VerdictStore,
    budget: Budget,
    progress: Progress,
    start_engine: StartEngine,
    calls: JudgingSettings | None = None,
    in_batches: bool = False,
) -> Evaluation:
    """`targets` by the system's name, without those whose answers were imported or are all there. `in_batches`: how it is judged.

    The run as its judge really was asked, kept so under its number.
    """
    for system in evaluation.systems:
        kept = await asyncio.to_thread(kept_answers, store, system, evaluation.questions.questions)
        progress.answers[system.name] = len(kept)
    for system in evaluation.systems:
        if system.name in targets:
            progress.begin("answers", system.name)
            try:
                await _answer(evaluation, system, targets[system.name], store, progress, start_engine)
            except KullmError as failure:
                progress.failures[system.name] = failure
    if evaluation.judge.model:
        progress.begin("judging")
        outcome = progress.outcome = await _judge(evaluation, store, budget, calls, progress, in_batches)
        if outcome.judge.mode != evaluation.judge.mode:
            evaluation = await asyncio.to_thread(change_judge, evaluation, outcome.judge, store, number)
    progress.begin("ended")
    return evaluation


async def _answer(
    evaluation: Evaluation,
    system: System,
    target: Target,
    store: VerdictStore,
    progress: Progress,
    start_engine: StartEngine,
) -> None:
    """Through the engine, started anew if it dies once, or through an endpoint."""

    def narrate(words: str) -> None:
        progress.waiting = words

    def told(count: int) -> None:
        progress.done += count - progress.answers[system.name]
        progress.answers[system.name] = count
        progress.waiting = ""

    for last in (False, True):
        endpoint = target.endpoint
        if endpoint is None:
            endpoint = await asyncio.to_thread(start_engine, narrate)
        try:
            await answer_questions(evaluation.questions, system, endpoint, store=store, told=told)
            return
        except EngineGone:
            if last or target.endpoint:
                raise


async def _judge(
    evaluation: Evaluation,
    store: VerdictStore,
    budget: Budget,
    calls: JudgingSettings | None,
    progress: Progress,
    in_batches: bool,
) -> Outcome:
    def narrate(words: str) -> None:
        progress.waiting = words

    return await judge_evaluation(
        evaluation,
        store=store,
        budget=budget,
        in_batches=in_batches,
        calls=calls,
        under_way=progress.under_way,
        told=_counting(progress),
        narrate=narrate,
    )


def _counting(progress: Progress) -> Callable[[Verdict], None]:
    heard: set[str] = set()  # an answer that is judged several times is counted once

    def told(verdict: Verdict) -> None:
        system = system_of(verdict.id)
        progress.done += not verdict.kept
        if verdict.id in heard:
            return
        heard.add(verdict.id)
        progress.verdicts[system] = progress.verdicts.get(system, 0) + (verdict.status != "error")
        if verdict.status != "ok":
            progress.unscored[system] = progress.unscored.get(system, 0) + 1
        if verdict.status == "error":
            progress.troubles[system] = verdict.reason

    return told
