"""Evaluations on their way, whichever screen is shown. Each has a thread and an event loop of its own, since reading verdicts is work.

What was answered and judged is kept as it comes. Stopping one, or ending the app, loses the calls under way and no others; batches go
on where they were handed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from evaluator.cost import Budget
from evaluator.evaluation import Evaluation, keep_run
from evaluator.running import Progress, run_evaluation
from evaluator.verdicts import VerdictStore
from kullm_tui.core.asking.target import Target, start_engine
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

logger = logging.getLogger(__name__)

State = Literal["running", "stopped", "done", "failed"]
_AT_ONCE = 2
_LAST_WORDS_SECONDS = 10.0  # for runs that are stopped as the app ends
_LONG_SECONDS = 10.0


@dataclass
class Running:
    """One evaluation on its way, or that came to its end while the app was open."""

    number: int
    evaluation: Evaluation
    budget: Budget
    calls: JudgingSettings
    in_batches: bool = False
    progress: Progress = field(default_factory=Progress)
    state: State = "running"
    error: str = ""
    began: float = field(default_factory=time.monotonic)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)
    _task: asyncio.Task[None] | None = field(default=None, repr=False)
    _wants_end: bool = False

    @property
    def active(self) -> bool:
        return self.state == "running"

    @property
    def was_long(self) -> bool:
        """Its end is news to a reader who looks elsewhere."""
        return time.monotonic() - self.began >= _LONG_SECONDS

    def stop(self) -> None:
        """From the app's thread; the calls under way are given up."""
        self._wants_end = True
        if self._loop and self._task and self.active:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def conduct(self, targets: Mapping[str, Target], store: VerdictStore) -> None:
        """In a thread of its own, to the end."""
        try:
            asyncio.run(self._whole(targets, store))
        except asyncio.CancelledError:
            self.state = "stopped"

    async def _whole(self, targets: Mapping[str, Target], store: VerdictStore) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._wants_end:
            raise asyncio.CancelledError
        self.evaluation = await run_evaluation(
            self.evaluation,
            targets,
            number=self.number,
            store=store,
            budget=self.budget,
            progress=self.progress,
            start_engine=start_engine,
            calls=self.calls,
            in_batches=self.in_batches,
        )

    def end(self, fault: BaseException | None) -> None:
        """What it came to, once its thread has ended."""
        if fault is not None:
            self.state, self.error = "failed", _told(fault)
        elif self.state != "stopped":
            self.state = "done" if self.progress.complete else "failed"
            failures = [*self.progress.failures.values(), self.progress.stopped]
            self.error = next((str(one) for one in failures if one), _unjudged(self.progress))


def _unjudged(progress: Progress) -> str:
    if not progress.failed:
        return ""
    return say(
        f"{progress.failed:,}개를 오류로 채점하지 못했어요. r로 그것만 다시 물어요.",
        f"{progress.failed:,} could not be judged for errors; r asks for those again.",
    )


class Evaluations:
    """All of one app, by their number; used on the app's event loop only."""

    def __init__(self, ended: Callable[[Running], None] = lambda _: None) -> None:
        self._ended = ended
        self._all: dict[int, Running] = {}
        self._followed: set[asyncio.Task[None]] = set()
        self._opening: asyncio.Task[VerdictStore] | None = None
        self._spent_before = 0.0  # by runs that were taken up again since
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="evaluation")

    async def store(self) -> VerdictStore:
        """Opened in a thread the first time; KullmError where it cannot be."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.create_task(asyncio.to_thread(VerdictStore))
        return await asyncio.shield(self._opening)

    @property
    def active(self) -> tuple[Running, ...]:
        return tuple(one for one in self._all.values() if one.active)

    @property
    def spent(self) -> float:
        """Dollars, in this session."""
        return self._spent_before + sum(one.budget.spent for one in self._all.values())

    def of(self, number: int) -> Running | None:
        return self._all.get(number)

    async def start(
        self,
        evaluation: Evaluation,
        targets: Mapping[str, Target],
        budget: Budget,
        calls: JudgingSettings | None = None,
        *,
        in_batches: bool = False,
    ) -> Running:
        """Kept under its number first, so that it can be taken up whatever happens; one that runs already is that one."""
        store = await self.store()
        number = await asyncio.to_thread(keep_run, evaluation, store)
        known = self._all.get(number)
        if known and known.active:
            return known
        self._spent_before += known.budget.spent if known else 0.0
        running = self._all[number] = Running(number, evaluation, budget, calls or JudgingSettings(), in_batches)
        task = asyncio.create_task(self._follow(running, targets, store))
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)
        return running

    async def close(self) -> None:
        """The app ends: what runs is stopped, and the file closed after the last of it was written."""
        for one in self.active:
            one.stop()
        if self._followed:
            await asyncio.wait(self._followed, timeout=_LAST_WORDS_SECONDS)
        self._threads.shutdown(wait=False)
        if self._opening:
            with contextlib.suppress(KullmError, asyncio.CancelledError):
                await asyncio.to_thread((await self._opening).close)

    async def _follow(self, running: Running, targets: Mapping[str, Target], store: VerdictStore) -> None:
        work = asyncio.get_running_loop().run_in_executor(self._threads, running.conduct, targets, store)
        await asyncio.wait([work])
        running.end(work.exception())
        self._ended(running)


def _told(fault: BaseException) -> str:
    if isinstance(fault, KullmError):
        return str(fault)
    logger.error("an evaluation broke off", exc_info=fault)
    return say(
        f"예상하지 못한 오류가 났어요({type(fault).__name__}: {fault}). r로 이어서 할 수 있어요.",
        f"Something unexpected went wrong ({type(fault).__name__}: {fault}). r goes on.",
    )
