"""Quota and budget: looked at before every call, so that nothing is sent that could not be paid for."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from data.translate.progress import Progress
from data.translate.translator import Answer, CallFault, Translator, quota_spent
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.prices import users_prices_file

_TRIES = 3
_BETWEEN_SECONDS = 1.0
_ROUNDING = 1e-9  # dollars


class BudgetSpent(KullmError):
    pass


class Leave:
    """To send one call; what it was charged is told to it."""

    def __init__(self, dollars: float | None) -> None:
        self.dollars = dollars
        self.answer: Answer | None = None

    def paid(self, answer: Answer) -> None:
        self.answer = answer


class Spending:
    def __init__(self, translator: Translator, progress: Progress, budget: float | None) -> None:
        self._translator, self._progress, self._budget = translator, progress, budget
        self._under_way = 0.0  # dollars
        self._left: int | None = None  # characters, less what was sent since it was asked
        self._asked = False
        self._lock = asyncio.Lock()

    async def leave(self, characters: int) -> AbstractContextManager[Leave]:
        """QuotaSpent or BudgetSpent where this call does not fit any more."""
        await self._check_quota(characters)
        dollars = self._translator.dollars(characters)
        self._check_budget(dollars)
        return self._reserved(dollars, characters)

    @contextmanager
    def _reserved(self, dollars: float | None, characters: int) -> Iterator[Leave]:
        leave = Leave(dollars)
        self._under_way += dollars or 0.0
        try:
            yield leave
        finally:
            self._under_way -= dollars or 0.0
            if leave.answer:
                self._count(leave.answer)
            elif self._left is not None:
                self._left += characters

    def _count(self, answer: Answer) -> None:
        self._progress.characters += sum(answer.characters)
        if answer.dollars is None or self._progress.dollars is None:
            self._progress.dollars = None
        else:
            self._progress.dollars += answer.dollars

    def _check_budget(self, dollars: float | None) -> None:
        if self._budget is None:
            return
        if dollars is None or self._progress.dollars is None:
            raise BudgetSpent(
                say(
                    f"{self._translator.name}의 가격을 몰라서 예산을 지킬 수 없어요. {users_prices_file()}에 가격을 적어 주세요.",
                    f"the price of {self._translator.name} is not known, so the budget cannot be kept. "
                    f"Put it into {users_prices_file()}.",
                )
            )
        if self._progress.dollars + self._under_way + dollars > self._budget + _ROUNDING:
            spent, limit = money(self._progress.dollars), money(self._budget)
            raise BudgetSpent(
                say(
                    f"예산 {limit}에 도달해서 멈췄어요(이번에 쓴 금액 {spent}). 받은 번역은 저장되어 있으니 예산을 늘려 다시 하면 이어져요.",
                    f"stopped at the budget of {limit} ({spent} spent now). What was translated is kept: "
                    "run it again with a larger budget and it goes on.",
                )
            )

    async def _check_quota(self, characters: int) -> None:
        async with self._lock:
            if not self._asked or (self._left is not None and self._left < characters):
                await self._ask()
            if self._left is None:
                return
            if self._left < characters:
                raise quota_spent(self._translator.name, left=self._left, needed=characters)
            self._left -= characters

    async def _ask(self) -> None:
        for last in (*[False] * (_TRIES - 1), True):
            try:
                quota = await self._translator.quota()
                break
            except CallFault as fault:
                if last:
                    raise EndpointError(str(fault)) from fault
                await asyncio.sleep(_BETWEEN_SECONDS)
        self._left, self._asked = quota.left if quota else None, True
