"""Calls to a translator: whose turn it is, how often one is tried, when it is in vain to go on. What comes is written down before anybody has it.

    mark as under way  →  wait for its turn  →  quota and budget  →  ask  →  write down
        cache.py             core/pace            spending.py

A call that is too large, or holds a text that is refused, is made again in halves. What no other call could change stops them all, after
those under way have come back: they are paid.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from data.translate.cache import Paid, TranslationCache
from data.translate.progress import Progress
from data.translate.queue import Asked, Queue
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
    rules_of,
)
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.pace.pace import Pace, Turn

_TRIES = 5
_MOST_REFUSALS = 60  # 429s in a row for one call
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.5, 20.0
_WAIT_FOR_ANOTHER_SECONDS = 0.5
_T = TypeVar("_T")


class Calls:
    """`came` hears each text with its translation, `failed` each that is not to be had, by what it failed."""

    def __init__(
        self,
        translator: Translator,
        cache: TranslationCache,
        queue: Queue,
        spending: Spending,
        progress: Progress,
        *,
        at_once: int,
        came: Callable[[Asked, str], None],
        failed: Callable[[Asked, CallFault], None],
    ) -> None:
        self.stopped: KullmError | None = None
        self._translator, self._cache, self._queue = translator, cache, queue
        self._spending, self._progress, self._at_once = spending, progress, at_once
        self._came, self._failed = came, failed
        self._rules = rules_of(translator)
        self._pace = Pace(most_at_once=at_once)
        self._news = asyncio.Condition()
        self._writer = ThreadPoolExecutor(1, "translations")  # its own: what was paid for waits for nothing else
        self._closing = False
        self._lines = set[asyncio.Task[Any]]()  # that wait for their turn, or to try again
        self._others = set[asyncio.Task[None]]()  # texts that another build has asked for

    @property
    def is_over(self) -> bool:
        return self._closing or self.stopped is not None

    async def run(self) -> None:
        """Until they are closed or stopped."""
        await asyncio.to_thread(self._cache.clear_abandoned)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._at_once):
                    group.create_task(self._work())
        finally:
            for one in self._others:
                one.cancel()
            await asyncio.gather(*self._others, return_exceptions=True)
            self._writer.shutdown()

    async def close(self) -> None:
        """Nothing more is sent."""
        self._closing = True
        await self._interrupt()

    async def look(self) -> None:
        """There is something new in the queue."""
        async with self._news:
            self._news.notify_all()

    async def _work(self) -> None:
        while not self.is_over:
            if batch := self._queue.take():
                try:
                    await self._buy(batch)
                except KullmError as fault:
                    await self._stop(fault)
                continue
            async with self._news:
                if not self.is_over and not self._queue.can_take:
                    await self._news.wait()

    # -- the end -----------------------------------------------------------------------------------------------------------

    async def _stop(self, fault: KullmError) -> None:
        self.stopped = self.stopped or fault
        await self._interrupt()

    async def _interrupt(self) -> None:
        for one in self._lines:
            one.cancel()
        await self.look()

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

    # -- whose a text is ---------------------------------------------------------------------------------------------------

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
                unpaid = [one.key for one in mine if self._queue.is_sent(one)]
                await asyncio.shield(asyncio.to_thread(self._cache.release, unpaid))

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
                self._queue.answered(one)
                self._came(one, found[one.key])
        self._queue.again([one for one in others if one.key not in found])
        await self.look()

    # -- the call ----------------------------------------------------------------------------------------------------------

    async def _ask_for(self, batch: list[Asked], *, halvings: int) -> None:
        """However many tries and parts it takes."""
        try:
            answer = await self._answer(batch)
        except (TooMuchAtOnce, NotInThisForm) as fault:
            self._progress.failed += 1
            await self._ask_in_halves(batch, fault, halvings=halvings)
            return
        if answer is not None:
            await self._keep(batch, answer)

    async def _ask_in_halves(self, batch: list[Asked], fault: CallFault, *, halvings: int) -> None:
        """Down to one text; where it was paid all the same, once."""
        if len(batch) == 1 or (isinstance(fault, WrongCount) and halvings):
            await asyncio.to_thread(self._cache.release, [one.key for one in batch])
            for one in batch:
                self._queue.answered(one)
                self._failed(one, fault)
            await self.look()
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            await self._ask_for(half, halvings=halvings + 1)

    async def _answer(self, batch: list[Asked]) -> Answer | None:
        """None where it stopped meanwhile."""
        tries = refusals = 0
        characters = sum(len(one.text) for one in batch)
        while not self.is_over:
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
        return None

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
            self._queue.answered(one)
            self._came(one, text)
        await self.look()

    def _write(self, paid: Sequence[Paid]) -> None:
        self._cache.keep(paid, translator=self._translator.name, rules=self._rules)


def _stopped_by(fault: CallFault) -> EndpointError:
    return EndpointError(
        say(
            f"번역을 멈췄어요. {fault} 받은 번역은 저장되어 있으니 잠시 뒤 같은 명령으로 이어서 하세요.",
            f"Translation stopped. {fault} What was translated is kept: go on with the same command in a while.",
        )
    )
