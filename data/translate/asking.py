"""Texts asked for: who goes next, how often a call is tried, when it is in vain to go on. What comes is written down before anybody has it.

    look into the cache  →  mark as under way  →  quota and budget  →  wait for its turn  →  ask  →  write down  →  check its tokens
          cache.py                                  spending.py          core/pace                               masking/unit.py

A call that is too large or holds a text that is refused is asked again in halves. A text whose tokens came back broken is asked for once
more without tags. What no other call could change stops it all, after the calls under way have come back.
"""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from data.masking.unit import Unit
from data.translate.cache import Paid, TranslationCache
from data.translate.progress import Progress
from data.translate.queue import Asked, Outcome, Queue, Reason, Untranslated, Wish
from data.translate.spending import Spending
from data.translate.translator import (
    Answer,
    CallFault,
    NotInThisForm,
    NotNow,
    SlowDown,
    TooMuchAtOnce,
    Translator,
    WrongCount,
    key_of,
    rules_of,
)
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.pace.pace import Pace, Turn

AT_ONCE = 32
_TRIES = 5
_MOST_REFUSALS = 60  # 429s in a row for one call
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.5, 20.0
_WAIT_FOR_ANOTHER_SECONDS = 0.5
_T = TypeVar("_T")


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
        self.stopped: KullmError | None = None
        self.rules = rules_of(translator)
        self._translator, self._cache, self._progress, self._at_once = translator, cache, progress, at_once
        self._queue = Queue(translator.most_texts, translator.most_bytes)
        self._spending = Spending(translator, progress, budget)
        self._pace = Pace(most_at_once=at_once)
        self._wished: dict[Unit, Wish] = {}
        self._news = asyncio.Condition()
        self._writer = ThreadPoolExecutor(1, "translations")  # its own: what was paid for waits for nothing else
        self._closing = False
        self._work: asyncio.Task[None] | None = None
        self._lines = set[asyncio.Task[Any]]()
        self._others: set[asyncio.Task[None]] = set()  # texts that another build has asked for

    @property
    def _is_over(self) -> bool:
        return self._closing or self.stopped is not None

    async def begin(self) -> None:
        await asyncio.to_thread(self._cache.clear_abandoned)
        self._work = asyncio.create_task(self._all())

    async def close(self) -> None:
        """Nothing more is sent; what is under way is waited for, since it is paid."""
        self._closing = True
        await self._interrupt()
        if self._work:
            await asyncio.shield(self._work)
        for one in self._others:
            one.cancel()
        await asyncio.gather(*self._others, return_exceptions=True)
        self._writer.shutdown()

    async def want(self, units: Sequence[Unit]) -> list[Wish]:
        """One for each; what is in the cache is there at once."""
        fresh: list[Wish] = []
        wishes = []
        for unit in units:
            wish = self._wished.get(unit)
            if wish is None:
                keys = tuple(key_of(self.rules, form, text) for form, text in unit.asks)
                wish = self._wished[unit] = Wish(unit, keys, asyncio.get_running_loop().create_future())
                fresh.append(wish)
            wishes.append(wish)
        found = await asyncio.to_thread(self._cache.found, [key for wish in fresh for key in wish.keys])
        for wish in fresh:
            self._take_kept(wish, found)
        await self._tell()
        return wishes

    async def outcomes(self, wishes: Sequence[Wish]) -> list[Outcome]:
        """When all are there; each None where it stopped before."""
        while open_ones := [wish for wish in wishes if not wish.outcome.done()]:
            self._queue.hurry(open_ones)
            await self._tell()
            await asyncio.wait([wish.outcome for wish in open_ones], return_when=asyncio.FIRST_COMPLETED)
        return [wish.outcome.result() for wish in wishes]

    async def no_more(self) -> None:
        """All that is wanted has been said."""
        self._queue.is_last = True
        await self._tell()

    # -- wishes ----------------------------------------------------------------------------------------------------------

    def _take_kept(self, wish: Wish, found: dict[str, str]) -> None:
        while wish.key in found:
            if self._read(wish, found[wish.key]):
                self._progress.kept += 1
                return
        if self._is_over:
            self._settle(wish, None)
        else:
            self._queue.add(wish)

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

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    # -- calls -----------------------------------------------------------------------------------------------------------

    async def _all(self) -> None:
        """Until it is closed or stopped; then whoever still waits is told that nothing comes."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._at_once):
                    group.create_task(self._calls())
        finally:
            for wish in list(self._wished.values()):
                self._settle(wish, None)

    async def _calls(self) -> None:
        while not self._is_over:
            batch = self._queue.take()
            if batch:
                try:
                    await self._buy(batch)
                except KullmError as fault:
                    await self._stop(fault)
                continue
            async with self._news:
                if not self._is_over and not self._queue.can_take:
                    await self._news.wait()

    async def _stop(self, fault: KullmError) -> None:
        self.stopped = self.stopped or fault
        await self._interrupt()

    async def _interrupt(self) -> None:
        """Whoever waits in line, or to try again, waits no longer."""
        for one in self._lines:
            one.cancel()
        await self._tell()

    async def _in_line(self, waiting: Coroutine[Any, Any, _T]) -> _T | None:
        """None where it was interrupted."""
        line = asyncio.create_task(waiting)
        self._lines.add(line)
        try:
            return await line
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return None
        finally:
            self._lines.discard(line)

    async def _buy(self, batch: list[Asked]) -> None:
        claimed = await asyncio.to_thread(self._cache.claim, [one.key for one in batch])
        if others := [one for one in batch if one.key not in claimed]:
            waiting = asyncio.create_task(self._wait_for_another(others))
            self._others.add(waiting)
            waiting.add_done_callback(self._others.discard)
        mine = [one for one in batch if one.key in claimed]
        if mine:
            try:
                await self._ask_for(mine, halvings=0)
            finally:
                await asyncio.shield(self._release([one for one in mine if self._queue.is_sent(one)]))

    async def _release(self, batch: Sequence[Asked]) -> None:
        if batch:
            await asyncio.to_thread(self._cache.release, [one.key for one in batch])

    async def _wait_for_another(self, others: list[Asked]) -> None:
        """Another build has asked already: its translation is ours too, and if that fails we ask."""
        self._progress.waiting = say(
            "다른 작업이 먼저 보낸 글을 기다려요.", "waiting for texts that another build sent"
        )
        await asyncio.sleep(_WAIT_FOR_ANOTHER_SECONDS)
        self._progress.waiting = ""
        try:
            found = await asyncio.to_thread(self._cache.found, [one.key for one in others])
        except KullmError as fault:
            await self._stop(fault)
            return
        for one in others:
            if one.key in found:
                self._take_answer(one, found[one.key])
        self._queue.again([one for one in others if one.key not in found])
        await self._tell()

    async def _ask_for(self, batch: list[Asked], *, halvings: int) -> None:
        """However many tries and parts it takes."""
        try:
            answer = await self._answer(batch)
        except (TooMuchAtOnce, NotInThisForm) as fault:
            self._progress.failed += 1
            may_halve = len(batch) > 1 and not (isinstance(fault, WrongCount) and halvings)
            if not may_halve:
                self._give_up(batch, fault)
                return
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                await self._ask_for(half, halvings=halvings + 1)
            return
        if answer is not None:
            await self._keep(batch, answer)

    async def _answer(self, batch: list[Asked]) -> Answer | None:
        """None where it stopped meanwhile."""
        tries = refusals = 0
        characters = sum(len(one.text) for one in batch)
        while True:
            if self._is_over:
                return None
            turn = await self._in_line(self._pace.turn(characters, again=bool(tries or refusals)))
            if turn is None:
                return None
            try:
                return await self._one_call(batch, turn, characters)
            except SlowDown as fault:
                refusals += 1
                self._progress.refused += 1
                self._progress.waiting = str(fault)
                if refusals >= _MOST_REFUSALS:
                    raise _stopped_by(fault) from fault
                alone = self._pace.refused(turn, fault.headers)
            except NotNow as fault:
                tries += 1
                self._progress.failed += 1
                self._progress.waiting = str(fault)
                if tries >= _TRIES:
                    raise _stopped_by(fault) from fault
                alone = min(_FIRST_DELAY_SECONDS * 2.0 ** (tries - 1), _LONGEST_DELAY_SECONDS)
            finally:
                self._pace.ended(turn)
            await self._in_line(asyncio.sleep(alone * random.uniform(0.75, 1.25)))

    async def _one_call(self, batch: list[Asked], turn: Turn, characters: int) -> Answer:
        with await self._spending.leave(characters) as leave:
            self._pace.leaves(turn)
            self._progress.calls += 1
            answer = await self._translator.ask([one.text for one in batch], batch[0].form)
            leave.paid(answer)
        self._pace.answered(turn, answer.headers)
        self._progress.waiting = ""
        return answer

    async def _keep(self, batch: list[Asked], answer: Answer) -> None:
        paid = [
            Paid(one.key, one.text, text, characters)
            for one, text, characters in zip(batch, answer.texts, answer.characters, strict=True)
        ]
        loop = asyncio.get_running_loop()
        await asyncio.shield(loop.run_in_executor(self._writer, self._write, paid))
        for one, text in zip(batch, answer.texts, strict=True):
            self._take_answer(one, text)
        await self._tell()

    def _write(self, paid: Sequence[Paid]) -> None:
        self._cache.keep(paid, translator=self._translator.name, rules=self.rules)

    def _take_answer(self, one: Asked, text: str) -> None:
        self._queue.answered(one)
        for wish in one.wishes:
            if not self._read(wish, text):
                self._queue.add(wish)

    def _give_up(self, batch: Sequence[Asked], fault: CallFault) -> None:
        reason: Reason = "wrong-count" if isinstance(fault, WrongCount) else "refused-text"
        for one in batch:
            self._queue.answered(one)
            self._cache.release([one.key])
            for wish in one.wishes:
                if self._next_form(wish):
                    self._queue.add(wish)
                else:
                    self._settle(wish, Untranslated(reason, str(fault)))


def _stopped_by(fault: CallFault) -> EndpointError:
    return EndpointError(
        say(
            f"번역을 멈췄어요. {fault} 받은 번역은 저장되어 있으니 잠시 뒤 같은 명령으로 이어서 하세요.",
            f"Translation stopped. {fault} What was translated is kept: go on with the same command in a while.",
        )
    )
