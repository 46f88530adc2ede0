"""From the wish to judge to a call that may go out: a judge with its key, leave to send, a price that somebody agreed to.

This is the half of `judging` that knows the evaluator. Dialogs are shown from here, so it is to be awaited in a worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from evaluator.buying import BudgetSpent
from evaluator.cost import Budget, Estimate, estimated
from evaluator.judge import Judge, is_its_own_judge
from evaluator.judge_choice import judge_address, judge_endpoint, strongest
from evaluator.judge_table import judge_parameters, usual_mode
from evaluator.judging import Outcome, judge_items, missing_items
from evaluator.rubric import Mode, Rubric, load_rubric, shipped_rubrics
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from evaluator.verdicts_about import next_repeat
from kullm_tui.core.endpoints.client import list_models
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import KeyMissing, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.prices import users_prices_file
from kullm_tui.ui.dialogs.consent import may_leave
from kullm_tui.ui.judge.settings import JudgeSettings
from kullm_tui.ui.text import safe

if TYPE_CHECKING:
    from textual.app import App

    from kullm_tui.ui.host import Host


@dataclass(frozen=True)
class Purchase:
    """What is asked, of whom; somebody agreed to its price."""

    items: Sequence[Item]
    judge: Judge
    rubric: Rubric
    repeat: int = 0


class Approval:
    def __init__(
        self,
        app: App[Any],
        host: Host,
        store: VerdictStore,
        settings: JudgeSettings,
        change: Callable[[], Awaitable[None]],
    ) -> None:
        self.budget = Budget(settings.budget)
        self.origin = ""  # of the judge and rubric that are chosen, once the judge is known
        self._app, self._host, self._store, self._settings, self._change = app, host, store, settings, change
        self._unpriced = 0  # calls whose price nobody knows
        self._strongest: dict[str, str] = {}  # by address
        self._without_schemas: set[tuple[str, str]] = set()
        self._agreed: set[tuple[str, ...]] = set()

    def settings_changed(self, settings: JudgeSettings) -> None:
        self._settings, self.budget.dollars, self.origin = settings, settings.budget, ""

    @property
    def unpriced(self) -> bool:
        """Whether something was bought whose price nobody knows."""
        return self._unpriced > 0

    # -- before the call -----------------------------------------------------------------------------------------------

    async def approve(
        self,
        items: Sequence[Item],
        *,
        models: Sequence[str],
        again: bool = False,
        rubric: Rubric | None = None,
        afresh: bool = False,
    ) -> Purchase | None:
        """None: the user said no. With a rubric of the caller's own, else by the chosen one; `afresh` asks whatever was agreed to before."""
        while True:
            used = rubric if rubric else await asyncio.to_thread(load_rubric, self._settings.rubric)
            judge = await self._judge(used)
            if judge is None:
                return None
            self.origin = self.origin if rubric else judge.origin(used)
            repeat = await asyncio.to_thread(next_repeat, items[0], self._store, judge, used) if again else 0
            purchase = Purchase(items, judge, used, repeat)
            if afresh:
                self._agreed.discard((judge.origin(used),))
            answer = await self._agreed_to(purchase, models)
            if answer == "judge":
                return purchase
            if answer is None:
                return None
            await self._change()

    async def estimate(self, items: Sequence[Item], judge: Judge, rubric: Rubric) -> Estimate:
        return await asyncio.to_thread(estimated, judge, rubric, items)

    async def _judge(self, rubric: Rubric) -> Judge | None:
        endpoint, model = await self._endpoint()
        if endpoint is None or not await may_leave(self._app, endpoint, "answer"):
            return None
        where = endpoint.base_url
        if not model and where not in self._strongest:
            self._strongest[where] = strongest(await list_models(endpoint), endpoint)
        model = model or self._strongest[where]
        usual: Mode = "paper" if (where, model) in self._without_schemas else usual_mode(model, rubric)
        mode, insists = self._settings.mode or usual, bool(self._settings.mode)
        return Judge(endpoint, model, mode, judge_parameters(model), insists)

    async def _endpoint(self) -> tuple[Endpoint | None, str]:
        """Nobody where there is no key and none was given."""
        name, endpoints = self._settings.model, self._host.config.endpoints
        try:
            return await asyncio.to_thread(judge_endpoint, name, endpoints)
        except KeyMissing:
            from kullm_tui.ui.dialogs.api_key import KeyScreen

            settings, _ = judge_address(name, endpoints)
            told = await self._app.push_screen_wait(KeyScreen(settings.key, [settings]))
            if told is None:
                return None, ""
            self._app.notify(safe(told), markup=False)
        return await asyncio.to_thread(judge_endpoint, name, endpoints)

    async def _agreed_to(self, purchase: Purchase, models: Sequence[str]) -> str | None:
        """`judge`, `change` or None. Asked before the first call of a judge by a rubric, and where a model judges itself."""
        itself = [model for model in models if is_its_own_judge(purchase.judge.model, model)]
        agreement = (purchase.judge.origin(purchase.rubric), *itself)
        missing = purchase.items
        if not purchase.repeat:
            missing = await asyncio.to_thread(
                missing_items, purchase.items, judge=purchase.judge, rubric=purchase.rubric, store=self._store
            )
        estimate = await self.estimate(missing, purchase.judge, purchase.rubric)
        if self.budget.dollars is not None and estimate.calls and estimate.dollars is None:
            raise KullmError(_budget_without_price(purchase.judge.model))
        if not estimate.calls or agreement in self._agreed or (estimate.dollars == 0 and not itself):
            return "judge"
        from kullm_tui.ui.judge.price_dialog import FirstVerdictScreen

        answer = await self._app.push_screen_wait(
            FirstVerdictScreen(
                purchase.judge.model,
                purchase.rubric.name,
                estimate=estimate,
                budget=self.budget,
                itself=bool(itself),
                won_per_dollar=self._host.config.won_per_dollar,
            )
        )
        if answer == "judge":
            self._agreed.add(agreement)
        return answer

    # -- the call ------------------------------------------------------------------------------------------------------

    async def carry_out(self, purchase: Purchase) -> list[Verdict]:
        """One for each item, in their order."""
        try:
            outcome = await self._asked(purchase)
        except asyncio.CancelledError:
            self._unpriced += 1  # whoever was left in mid-sentence may charge for it all the same
            raise
        verdicts = [_verdict_of(item, outcome, self.budget) for item in purchase.items]
        if outcome.judge.mode != purchase.judge.mode:
            self._without_schemas.add((purchase.judge.endpoint.base_url, purchase.judge.model))
            if self.origin == purchase.judge.origin(purchase.rubric):
                self.origin = outcome.judge.origin(purchase.rubric)
        if any(verdict.status == "error" for verdict in verdicts):
            self._strongest.pop(purchase.judge.endpoint.base_url, None)  # it may be gone: the list is asked for again
        self._unpriced += sum(verdict.cost is None and not verdict.kept for verdict in verdicts)
        return verdicts

    async def _asked(self, purchase: Purchase) -> Outcome:
        return await judge_items(
            purchase.items,
            judge=purchase.judge,
            rubric=purchase.rubric,
            store=self._store,
            repeat=purchase.repeat,
            budget=self.budget,
            calls=self._host.config.judging,
        )


def known_rubrics(chosen: str) -> tuple[Rubric, ...]:
    """By which kept verdicts can be read: the shipped ones and the user's own."""
    if not chosen.endswith(".toml"):
        return _shipped()
    try:
        return (*_shipped(), load_rubric(chosen))
    except KullmError:  # told when it is used
        return _shipped()


@cache
def _shipped() -> tuple[Rubric, ...]:
    return tuple(load_rubric(name) for name in shipped_rubrics())


def _verdict_of(item: Item, outcome: Outcome, budget: Budget) -> Verdict:
    found = outcome.verdicts[item.id]
    if found.status == "error" and isinstance(outcome.stopped, BudgetSpent):
        why = _budget_reached(budget)  # with where it can be raised
        return replace(found, text=why, reason=why)
    return found


def _budget_reached(budget: Budget) -> str:
    limit, spent = money(budget.dollars or 0.0), money(budget.spent)
    return say(
        f"예산 {limit}에 도달해서 묻지 않았어요(이번 사용 금액 {spent}). ^p의 '채점 설정'에서 늘릴 수 있어요.",
        f"Not asked: the budget of {limit} is reached ({spent} spent in this session). The judge's settings (^p) raise it.",
    )


def _budget_without_price(model: str) -> str:
    return say(
        f"{model}의 가격을 몰라 예산을 지킬 수 없어요. {users_prices_file()}에 가격을 적거나 ^p의 '채점 설정'에서 예산을 비워 주세요.",
        f"The price of {model} is not known, so the budget cannot be kept. Put it into {users_prices_file()}, "
        "or empty the budget in the judge's settings (^p).",
    )
