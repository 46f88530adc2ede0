"""Units that rows wait for, each once however many rows want it: from the cache, or by a call; with their placeholders checked.

A text whose placeholders came back broken is asked for once more without tags; only what is broken then, too, is left untranslated.
"""

import asyncio
from collections.abc import Sequence

from data.masking.unit import Unit
from data.translate.cache import TranslationCache
from data.translate.calls import Calls
from data.translate.progress import Progress
from data.translate.queue import Asked, Outcome, Queue, Untranslated, Wish
from data.translate.spending import Spending
from data.translate.translator import CallFault, Translator, WrongCount, key_of, rules_of
from kullm_tui.core.errors import KullmError

AT_ONCE = 32


class Asking:
    def __init__(
        self,
        translator: Translator,
        cache: TranslationCache,
        *,
        progress: Progress,
        budget: float | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        self._cache, self._progress = cache, progress
        self._rules = rules_of(translator)
        self._queue = Queue(translator.most_texts, translator.most_bytes)
        self._calls = Calls(
            translator,
            cache,
            self._queue,
            Spending(translator, progress, budget),
            progress,
            at_once=at_once,
            came=self._came,
            failed=self._failed,
        )
        self._wished: dict[Unit, Wish] = {}
        self._work: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> KullmError | None:
        """Why no more is asked."""
        return self._calls.stopped

    def begin(self) -> None:
        self._work = asyncio.create_task(self._all())

    async def close(self) -> None:
        """Nothing more is sent; what is under way is waited for, since it is paid."""
        await self._calls.close()
        if self._work:
            await asyncio.shield(self._work)

    async def _all(self) -> None:
        """Whoever still waits in the end is told that nothing comes."""
        try:
            await self._calls.run()
        finally:
            for wish in list(self._wished.values()):
                self._settle(wish, None)

    async def want(self, units: Sequence[Unit]) -> list[Wish]:
        """One for each; what is in the cache is there at once."""
        fresh: list[Wish] = []
        wishes = []
        for unit in units:
            wish = self._wished.get(unit)
            if wish is None:
                keys = tuple(key_of(self._rules, form, text) for form, text in unit.asks)
                wish = self._wished[unit] = Wish(unit, keys, asyncio.get_running_loop().create_future())
                fresh.append(wish)
            wishes.append(wish)
        found = await asyncio.to_thread(self._cache.found, [key for wish in fresh for key in wish.keys])
        for wish in fresh:
            self._take_kept(wish, found)
        await self._calls.look()
        return wishes

    async def outcomes(self, wishes: Sequence[Wish]) -> list[Outcome]:
        """When all are there; each None where it stopped before."""
        while open_ones := [wish for wish in wishes if not wish.outcome.done()]:
            self._queue.hurry(open_ones)
            await self._calls.look()
            await asyncio.wait([wish.outcome for wish in open_ones], return_when=asyncio.FIRST_COMPLETED)
        return [wish.outcome.result() for wish in wishes]

    async def no_more(self) -> None:
        """All that is wanted has been said."""
        self._queue.is_last = True
        await self._calls.look()

    def _take_kept(self, wish: Wish, found: dict[str, str]) -> None:
        while wish.key in found:
            if self._read(wish, found[wish.key]):
                self._progress.kept += 1
                return
        if self._calls.is_over:
            self._settle(wish, None)
        else:
            self._queue.add(wish)

    def _came(self, one: Asked, text: str) -> None:
        for wish in one.wishes:
            if not self._read(wish, text):
                self._queue.add(wish)

    def _failed(self, one: Asked, fault: CallFault) -> None:
        for wish in one.wishes:
            if self._next_form(wish):
                self._queue.add(wish)
            else:
                reason = Untranslated("wrong-count" if isinstance(fault, WrongCount) else "refused-text", str(fault))
                self._settle(wish, reason)

    def _read(self, wish: Wish, answer: str) -> bool:
        """Whether that settles it; otherwise it is to be asked for in its next form."""
        text, fault = wish.unit.read(wish.ask, answer)
        if fault is None:
            self._settle(wish, text)
        elif not self._next_form(wish):
            self._settle(wish, Untranslated(fault, text))
        return wish.outcome.done()

    def _next_form(self, wish: Wish) -> bool:
        if wish.ask + 1 == len(wish.keys):
            return False
        wish.ask += 1
        return True

    def _settle(self, wish: Wish, outcome: Outcome) -> None:
        self._wished.pop(wish.unit, None)
        if not wish.outcome.done():
            wish.outcome.set_result(outcome)
            self._progress.texts += isinstance(outcome, str)
