"""Whose turn it is: what is waited for goes to the client that holds least of it now, and within a client to whoever came first.

So a client that asks for a thousand replies at once waits for them itself, and one that asks for one is next.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Generic, TypeVar

_Waiter = TypeVar("_Waiter")
_Result = TypeVar("_Result")


class Line(Generic[_Waiter]):
    """Those who wait, by owner. Not for several threads at once."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Waiter]] = {}  # the owner that was served last stands last

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __iter__(self) -> Iterator[_Waiter]:
        return (waiter for line in self._waiting.values() for waiter in line)

    def join(self, owner: str, waiter: _Waiter) -> None:
        self._waiting.setdefault(owner, deque()).append(waiter)

    def first(self, held: Mapping[str, int]) -> tuple[str, _Waiter] | None:
        """The next one and its owner: of those that hold least, the one whose last turn is longest ago."""
        if not self._waiting:
            return None
        owner = min(self._waiting, key=lambda one: held.get(one, 0))
        return owner, self._waiting[owner][0]

    def take(self, owner: str) -> _Waiter:
        line = self._waiting.pop(owner)
        waiter = line.popleft()
        if line:
            self._waiting[owner] = line
        return waiter

    def keep(self, still_waits: Callable[[_Waiter], bool]) -> None:
        kept = {owner: deque(filter(still_waits, line)) for owner, line in self._waiting.items()}
        self._waiting = {owner: line for owner, line in kept.items() if line}

    def clear(self) -> None:
        self._waiting.clear()


class Turnstile:
    """Work in threads of its own, beside the event loop: so much of it at once, clients in turn. For one event loop.

    Work whose client has left keeps its place until it is done, so that nobody piles up work by leaving.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._workers = ThreadPoolExecutor(max_workers=places, thread_name_prefix="turnstile")
        self._inside: Counter[str] = Counter()
        self._line: Line[asyncio.Future[None]] = Line()

    async def run(self, owner: str, work: Callable[[], _Result]) -> _Result:
        await self._enter(owner)
        # The language of the request goes along.
        doing = asyncio.get_running_loop().run_in_executor(self._workers, copy_context().run, work)
        doing.add_done_callback(partial(self._leave, owner))
        return await asyncio.shield(doing)

    def close(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _enter(self, owner: str) -> None:
        if self._inside.total() < self._places and not self._line:
            self._inside[owner] += 1
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.join(owner, called)
        try:
            await called
        except asyncio.CancelledError:
            self._line.keep(lambda one: one is not called)
            if called.done() and not called.cancelled():  # called and gone in the same moment
                self._give_back(owner)
            raise

    def _leave(self, owner: str, done: "asyncio.Future[_Result]") -> None:
        if not done.cancelled():
            done.exception()  # asked for here, or asyncio complains when the client has left
        self._give_back(owner)

    def _give_back(self, owner: str) -> None:
        held = Counter(self._inside)  # with the turn that is over: among equals another client is next
        self._inside -= Counter({owner: 1})
        while self._inside.total() < self._places and (first := self._line.first(held)):
            for count in (held, self._inside):
                count[first[0]] += 1
            self._line.take(first[0]).set_result(None)
