"""The translation of a build: by whom, for how much, and within which budget. What it costs is known before anything is sent."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from data.manifest import Translation as Choice
from data.row import Rejection, Row
from data.translate.cache import TranslationCache
from data.translate.choice import open_translator
from data.translate.progress import Estimate, Progress
from data.translate.translation import estimate, translate
from data.translate.translator import Translator, rules_of
from kullm_tui.core.language import say
from kullm_tui.core.money import money


@dataclass(frozen=True)
class Price:
    """Of a translation that is still to be agreed to."""

    translator: str
    address: str
    estimate: Estimate
    notice: str = ""  # what is wrong with the translations that were paid for before

    @property
    def is_free(self) -> bool:
        """Nothing would be sent."""
        return not self.estimate.to_pay

    @property
    def dollars(self) -> float | None:
        return self.estimate.dollars

    @property
    def told(self) -> str:
        """What would be sent, and what it costs."""
        one = self.estimate
        cached = say(f" (저장된 번역 {one.cached:,}자는 다시 사지 않아요)", f" ({one.cached:,} are translated already)")
        sent = say(
            f"{one.rows:,}행의 글 {one.to_pay:,}자를 {self.address}에 보내 번역해요{cached if one.cached else ''}: {self._amount}.",
            f"{one.to_pay:,} characters of {one.rows:,} rows go to {self.address} for translation{cached if one.cached else ''}: {self._amount}.",
        )
        return "\n".join(filter(None, (self.notice, f"{sent} {self._quota}".strip())))

    @property
    def consequence(self) -> str:
        return say(f"번역하기 · {self._amount}", f"Translate · {self._amount}")

    @property
    def _amount(self) -> str:
        if self.dollars is None:
            return say("가격을 몰라요", "price unknown")
        as_of = self.estimate.as_of
        amount = money(self.dollars)
        return say(f"약 {amount}", f"about {amount}") + (
            say(f" ({as_of} 기준으로 저장된 가격)", f" (at prices remembered from {as_of})")
            if as_of and self.dollars
            else ""
        )

    @property
    def _quota(self) -> str:
        one = self.estimate
        if one.quota_left is not None and not one.fits_quota:
            return say(
                f"이번 기간에 남은 글자는 {one.quota_left:,}자라서 다 쓰면 멈추고, 한도가 다시 차면 이어서 해요.",
                f"{one.quota_left:,} characters are left of this period: it stops there and goes on once there is quota again.",
            )
        if one.free_months and one.free_months > 1:
            return say(
                f"무료 요금제로는 {one.free_months:,}달이 걸리는 양이에요.",
                f"On the free plan that is {one.free_months:,} months.",
            )
        return ""

    def as_json(self) -> dict[str, Any]:
        return {"translator": self.translator, "address": self.address, **asdict(self.estimate)}


class Translating:
    """One translation of many rows, in as many runs as there are sources; what it may spend counts over all."""

    def __init__(self, choice: Choice, *, budget: float | None = None) -> None:
        self._choice, self._budget = choice, budget
        self._spent: float | None = 0.0
        self._progress = Progress()
        translator = open_translator(choice)
        self.name, self.address = translator.name, translator.address
        self.settings: Mapping[str, Any] = {"rules": rules_of(translator)}
        asyncio.run(translator.close())

    @property
    def note(self) -> str:
        """How it is, for whoever looks on."""
        now = self._progress
        spent = "" if now.dollars is None or not now.dollars else f" · {money(now.dollars + (self._spent or 0))}"
        left = now.seconds_left
        return now.words + spent + (f" · {_left(left)}" if left and not now.waiting else "")

    async def __call__(self, rows: Iterator[Row]) -> AsyncIterator[Row | Rejection]:
        self._progress = Progress()
        left = None if self._budget is None else max(0.0, self._budget - (self._spent or 0.0))
        translator = open_translator(self._choice)
        try:
            with TranslationCache() as cache:
                found = translate(rows, translator, cache, budget=left, progress=self._progress)
                async with aclosing(found) as results:
                    async for one in results:
                        yield one
        finally:
            self._spent = None if self._progress.dollars is None else (self._spent or 0.0) + self._progress.dollars
            await translator.close()


def price_of_rows(rows: Iterator[Row], choice: Choice) -> Price:
    """Also where there is no key yet: what it costs is no secret, only what is left of a quota is."""
    return asyncio.run(_price(rows, choice))


async def _price(rows: Iterator[Row], choice: Choice) -> Price:
    translator: Translator = open_translator(choice, needs_key=False)
    try:
        with TranslationCache() as cache:
            counted = await estimate(rows, translator, cache, ask_quota=translator.has_key)
            notice = cache.notice
    finally:
        await translator.close()
    return Price(translator.name, translator.address, counted, notice)


def _left(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return say("1분 안쪽 남음", "less than a minute left")
    hours, minutes = divmod(minutes, 60)
    if hours:
        return say(f"{hours}시간 {minutes}분 남음", f"{hours} h {minutes} min left")
    return say(f"{minutes}분 남음", f"{minutes} min left")
