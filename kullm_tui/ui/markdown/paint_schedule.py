"""Who may paint when: the replies that stream at once share the interface's time.

Each reply is shown again after three times what showing it took, at least 50 ms and at most a second later; and all together leave
three quarters of the time to the keys. The pane that has the focus goes first. A reply whose end the reader has scrolled away from waits.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

SHORTEST, LONGEST = 0.05, 1.0
_SHARE = 3.0  # waiting, as a multiple of working
_LOOK_AGAIN = 0.2  # at a reply that waits for its reader


class Flushable(Protocol):
    def flush(self) -> bool:
        """Shows what has come; True: there is more, the time was up."""

    def painted(self, then: Callable[[], None]) -> bool:
        """Calls once the screen shows it; False: it never will."""

    @property
    def is_watched(self) -> bool: ...

    @property
    def is_foremost(self) -> bool: ...


_budgets: "WeakKeyDictionary[object, FlushBudget]" = WeakKeyDictionary()


class FlushBudget:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[Flushable, float] = {}
        self._next: dict[Flushable, float] = {}
        self._painting: Flushable | None = None
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, app: object) -> "FlushBudget":
        """The one of this app."""
        if app not in _budgets:
            _budgets[app] = cls()
        return _budgets[app]

    def ask(self, reply: Flushable) -> None:
        if reply not in self._due:
            self._due[reply] = self._next.get(reply, 0.0)
            self._arm()

    def forget(self, reply: Flushable) -> None:
        self._due.pop(reply, None)
        self._next.pop(reply, None)
        if self._painting is reply:
            self._painting = None
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due and self._painting is None:
            wait = max(min(self._due.values()), self._free_at) - self._clock()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._run)

    def _run(self) -> None:
        self._timer = None
        now = self._clock()
        ready = [reply for reply, due in self._due.items() if due <= now]
        for reply in ready:
            if not reply.is_watched:
                self._due[reply] = now + _LOOK_AGAIN
        watched = [reply for reply in ready if self._due[reply] <= now]
        if watched and now >= self._free_at:
            self._flush(min(watched, key=lambda reply: (not reply.is_foremost, self._due[reply])), now)
        self._arm()

    def _flush(self, reply: Flushable, began: float) -> None:
        del self._due[reply]
        more = reply.flush()
        self._painting = reply
        if not reply.painted(lambda: self._painted(reply, began, more)):
            self._painted(reply, began, more)

    def _painted(self, reply: Flushable, began: float, more: bool) -> None:
        if self._painting is not reply:
            return
        self._painting = None
        now = self._clock()
        wait = _SHARE * (now - began)
        self._next[reply] = now + min(LONGEST, max(SHORTEST, wait))
        self._free_at = now + min(LONGEST, wait)
        if more:
            self._due.setdefault(reply, self._next[reply])
        elif reply in self._due:
            self._due[reply] = max(self._due[reply], self._next[reply])
        self._arm()
