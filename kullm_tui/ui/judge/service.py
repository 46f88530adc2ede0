"""Judging in the app: by whom, by which rubric and for how much, what is being judged now, and what was spent in this session.

One for the app. Threads ask it for their replies' verdicts and hear from it when something changes; whoever is asked for a
key, for leave to send or for money is asked here, one dialog at a time. The evaluator is imported with the first use.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textual.signal import Signal

from kullm_tui.core.errors import KullmError, StoreError
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.text import nfc
from kullm_tui.ui.judge.settings import JudgeSettings, last_settings, remember, rubric_name
from kullm_tui.ui.judge.subject import Subject
from kullm_tui.ui.text import safe

if TYPE_CHECKING:
    from textual.app import App
    from textual.worker import Worker

    from evaluator.pairwise import Pair, Winner
    from evaluator.verdict import Verdict
    from evaluator.verdicts import VerdictStore
    from kullm_tui.ui.host import Host
    from kullm_tui.ui.judge.approval import Approval

JUDGES_ITSELF = "judges-itself"


@dataclass
class Waiting:
    """A judgement under way."""

    began: float
    doing: str


class JudgeService:
    def __init__(self, app: App[Any], host: Host) -> None:
        self.app, self.host = app, host
        self.changed: Signal[Subject] = Signal(app, "judged")
        self._settings: JudgeSettings | None = None
        self._store: VerdictStore | None = None
        self._approval: Approval | None = None
        self._waiting: dict[Subject, Waiting] = {}
        self._failed: dict[Subject, Verdict] = {}
        self._workers: dict[Subject, Worker[None]] = {}
        self._asked: set[Subject] = set()
        self._elsewhere = 0.0
        self._asking = asyncio.Lock()
        self._opening = threading.Lock()
        self._closed = False

    def close(self) -> None:
        with self._opening:
            self._closed = True
            if self._store:
                self._store.close()

    # -- what is chosen ------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> JudgeSettings:
        if self._settings is None:
            self._settings = last_settings()
        return self._settings

    async def choose(self, settings: JudgeSettings) -> None:
        self._settings = settings
        if self._approval:
            self._approval.settings_changed(settings)
        await asyncio.to_thread(remember, settings)

    @property
    def spent(self) -> float:
        """Dollars, in this session."""
        return self._approval.budget.spent if self._approval else 0.0

    # -- what is known of a reply --------------------------------------------------------------------------------------

    def verdicts_about(self, subject: Subject) -> list[Verdict]:
        """Everything that was ever said of this reply, the newest first, a failure of this session before it. Blocks."""
        failed = [self._failed[subject]] if subject in self._failed else []
        if not self._any_bought():
            return failed
        from evaluator.verdicts_about import verdicts_about
        from kullm_tui.ui.judge.approval import known_rubrics

        try:
            found = verdicts_about(subject.item, self._opened(), known_rubrics(self.settings.rubric))
        except StoreError:  # told, as a failure, when something is to be judged
            return failed
        return [*failed, *(_flagged(verdict, subject) for verdict in found)]

    def waiting(self, subject: Subject) -> Waiting | None:
        return self._waiting.get(subject)

    def is_by_chosen(self, verdict: Verdict) -> bool:
        """Whether the judge and rubric that are chosen now gave it."""
        if verdict.status == "error":
            return False
        origin = self._approval.origin if self._approval else ""
        if origin:
            return verdict.origin == origin
        # The judge is not known before the key's list was read; a named one is.
        named = self.settings.model.rpartition("/")[2]
        return verdict.rubric == rubric_name(self.settings.rubric) and named in ("", verdict.model)

    def _any_bought(self) -> bool:
        """Asked before the evaluator is imported: most sessions judge nothing."""
        from kullm_tui.core.paths import state_dir

        return self._store is not None or (state_dir() / "evaluation.db").exists()

    def _opened(self) -> VerdictStore:
        from evaluator.verdict_file import open_verdicts

        with self._opening:
            if self._closed:
                raise StoreError(say("앱이 끝나는 중이에요.", "The app is closing."))
            self._store = self._store or open_verdicts(self._tell_of_file)
            return self._store

    def _tell_of_file(self, notice: str) -> None:
        """From the thread that opens it."""
        self.app.call_later(self.app.notify, safe(notice), severity="error", timeout=60, markup=False)

    # -- judging -------------------------------------------------------------------------------------------------------

    def was_asked_for(self, subject: Subject) -> bool:
        """In this session: somebody wanted to know."""
        return subject in self._asked

    def request(self, subject: Subject) -> None:
        """F3: judged, or, where the chosen judge has spoken, everything that was said, from where it can be asked again."""
        self._asked.add(subject)
        if subject in self._workers:
            self.app.notify(say("채점하는 중이에요 · esc 멈춤", "It is being judged · esc stops"), markup=False)
        else:
            self.app.run_worker(self._request(subject), group="judge requests", exit_on_error=False)

    async def _request(self, subject: Subject) -> None:
        verdicts = await asyncio.to_thread(self.verdicts_about, subject)
        if any(self.is_by_chosen(verdict) for verdict in verdicts):
            await self._show(subject, verdicts)
        else:
            self.start(subject)

    def request_all(self, subjects: Sequence[Subject]) -> None:
        """Those that the chosen judge has not spoken of, for a price that is said of all of them together."""
        self.app.run_worker(self._request_all(subjects), group="judge requests", exit_on_error=False)

    async def _request_all(self, subjects: Sequence[Subject]) -> None:
        wanted = []
        for subject in subjects:
            verdicts = await asyncio.to_thread(self.verdicts_about, subject)
            if subject not in self._workers and not any(self.is_by_chosen(verdict) for verdict in verdicts):
                wanted.append(subject)
            self._asked.add(subject)
            self.changed.publish(subject)
        if wanted and await self._agreed_to_all(wanted):
            for subject in wanted:
                self.start(subject)

    async def _agreed_to_all(self, subjects: Sequence[Subject]) -> bool:
        try:
            approval = await self._ready()
            async with self._asking:
                items, models = [one.item for one in subjects], [one.model for one in subjects]
                return await approval.approve(items, models=models) is not None
        except KullmError:  # each of them will tell it in its card
            return True

    def open(self, subject: Subject) -> None:
        """Everything that was said of this reply, in full."""
        self.app.run_worker(self._open(subject), group="judge requests", exit_on_error=False)

    async def _open(self, subject: Subject) -> None:
        await self._show(subject, await asyncio.to_thread(self.verdicts_about, subject))

    async def _show(self, subject: Subject, verdicts: Sequence[Verdict]) -> None:
        from kullm_tui.ui.judge.verdicts_dialog import VerdictsScreen

        answer = await self.app.push_screen_wait(VerdictsScreen(verdicts, self.host.config.won_per_dollar))
        if answer == "again":
            self.start(subject, again=True)
        elif answer == "settings":
            await self.show_settings()

    async def show_settings(self) -> None:
        """In a worker."""
        from kullm_tui.ui.judge.settings_dialog import JudgeScreen

        settings = await self.app.push_screen_wait(JudgeScreen(self.settings, spent=self.spent))
        if settings is not None:
            await self.choose(settings)

    def start(self, subject: Subject, *, again: bool = False) -> None:
        """In a worker of the app's, so that it goes on whatever is shown."""
        if subject not in self._workers:
            self._workers[subject] = self.app.run_worker(
                self._run(subject, again), group="judging", exit_on_error=False
            )

    def stop(self, subjects: Sequence[Subject]) -> bool:
        """False where none of them was being judged."""
        workers = [self._workers[subject] for subject in subjects if subject in self._workers]
        for worker in workers:
            worker.cancel()
        return bool(workers)

    async def _run(self, subject: Subject, again: bool) -> None:
        try:
            await self.judge(subject, again=again)
        finally:
            self._workers.pop(subject, None)

    async def judge(self, subject: Subject, *, again: bool = False) -> Verdict | None:
        """In a worker. None: the user said no. What went wrong is a verdict whose status is an error."""
        verdict = None
        try:
            verdict = await self._judged(subject, again)
        except KullmError as fault:
            verdict = await asyncio.to_thread(_failure, self.settings, str(fault))
        finally:
            self._waiting.pop(subject, None)
            self._failed.pop(subject, None)
            if verdict and verdict.status == "error":
                self._failed[subject] = verdict
            self.changed.publish(subject)
            self._tell_spent()
        return _flagged(verdict, subject) if verdict else None

    async def _judged(self, subject: Subject, again: bool) -> Verdict | None:
        self._tell(subject, say("채점자를 찾는 중", "looking for the judge"))
        approval = await self._ready()
        async with self._asking:
            purchase = await approval.approve([subject.item], models=[subject.model], again=again)
        if purchase is None:
            return None
        self._tell(subject, say(f"{purchase.judge.model}에 묻는 중", f"asking {purchase.judge.model}"))
        return (await approval.carry_out(purchase))[0]

    async def may_judge_pairs(self, pairs: Sequence[Pair]) -> bool:
        """In a worker. Asked each time, for a price that is said of all of them together; False: the user said no."""
        from evaluator.pairwise import PAIRWISE

        approval = await self._ready()
        async with self._asking:
            items = [item for pair in pairs for item in pair.items]
            return await approval.approve(items, models=(), rubric=PAIRWISE, afresh=True) is not None

    async def pairwise(self, instruction: str, input: str, left: str, right: str) -> Winner | None:  # noqa: A002 - KULLM's own name
        """In a worker. Judged in both orders; None: the user said no. KullmError where the judge could not be asked."""
        from evaluator.pairwise import PAIRWISE, Pair, winner

        approval = await self._ready()
        pair = Pair("pair", nfc(instruction), nfc(input), nfc(left), nfc(right))
        try:
            async with self._asking:
                purchase = await approval.approve(pair.items, models=(), rubric=PAIRWISE)
            if purchase is None:
                return None
            straight, swapped = await approval.carry_out(purchase)
        finally:
            self._tell_spent()
        failed = next((one for one in (straight, swapped) if one.status == "error"), None)
        if failed:
            raise KullmError(failed.text)
        return winner(straight, swapped)

    def last_winner(self, instruction: str, input: str, left: str, right: str) -> Winner | None:  # noqa: A002
        """Without asking anybody. Blocks."""
        if not self._any_bought():
            return None
        from evaluator.pairwise import Pair
        from evaluator.verdicts_about import last_winner

        try:
            return last_winner(Pair("pair", nfc(instruction), nfc(input), nfc(left), nfc(right)), self._opened())
        except StoreError:  # told when something is to be judged
            return None

    async def _ready(self) -> Approval:
        if self._approval is None:
            await asyncio.to_thread(_import_all)
            from kullm_tui.ui.judge.approval import Approval

            store = await asyncio.to_thread(self._opened)
            self._approval = self._approval or Approval(self.app, self.host, store, self.settings, self.show_settings)
        return self._approval

    def _tell(self, subject: Subject, doing: str) -> None:
        began = self._waiting[subject].began if subject in self._waiting else time.monotonic()
        self._waiting[subject] = Waiting(began, doing)
        self.changed.publish(subject)

    def spent_elsewhere(self, dollars: float) -> None:
        """What evaluations have spent in this session, which have budgets of their own: the status line tells all of it."""
        self._elsewhere = dollars
        self._tell_spent()

    def _tell_spent(self) -> None:
        spent, unpriced = self.spent + self._elsewhere, bool(self._approval and self._approval.unpriced)
        line = money(spent, self.host.config.won_per_dollar) if spent or unpriced else ""
        self.host.status.set_cost(line + ("+?" if unpriced else ""))


def _flagged(verdict: Verdict, subject: Subject) -> Verdict:
    from evaluator.judge import is_its_own_judge

    if not is_its_own_judge(verdict.model, subject.model):
        return verdict
    return replace(verdict, flags=(*verdict.flags, JUDGES_ITSELF))


def _failure(settings: JudgeSettings, text: str) -> Verdict:
    from evaluator.verdict import Verdict

    return Verdict("reply", "error", text=text, model=settings.model, rubric=settings.rubric, cost=0.0)


def _import_all() -> None:
    """In a thread."""
    import kullm_tui.ui.judge.approval  # noqa: F401
    from kullm_tui.core.endpoints.sdk import import_sdk

    import_sdk()
