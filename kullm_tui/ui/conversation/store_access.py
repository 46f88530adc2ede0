"""The conversations' file as the app uses it: opened once, and once more where it turns out damaged while it is read."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from kullm_tui.core.errors import KullmError, StoreDamaged, StoreMoved

if TYPE_CHECKING:
    from kullm_tui.core.store.store import Store


_SLOW_SECONDS = 1.5  # a file of any size opens in milliseconds; what takes longer is being rescued


class Storing:
    def __init__(self, store: Store | None, slow: Callable[[], None]) -> None:
        """A store that is given stays its giver's. `slow` is called where opening takes so long that somebody should be told."""
        self._store = store
        self._slow = slow
        self._is_ours = store is None
        self._opening: asyncio.Task[Store] | None = None
        self._mending = asyncio.Lock()

    @property
    def store(self) -> Store:
        """After `opened`."""
        assert self._store is not None, "the store is not open yet"
        return self._store

    async def opened(self) -> Store:
        """Opened in a thread the first time; KullmError where it cannot be opened."""
        if self._store is None:
            if self._opening is None or (self._opening.done() and self._opening.exception()):
                self._opening = self._begun(_open_store)
            self._store = await asyncio.shield(self._opening)
        return self._store

    async def mend(self, error: KullmError, before: Callable[[], Awaitable[None]]) -> Store | None:
        """Where the error is the file's: another store in place of the one that failed, once nobody writes to that any more."""
        failed = self._store
        if failed is None or not isinstance(error, StoreDamaged | StoreMoved):
            return None
        async with self._mending:
            if self._store is failed:
                await before()
                self._store, self._is_ours = None, True
                self._opening = self._begun(functools.partial(_open_again, failed))
            return await self.opened()

    def _begun(self, opening: Callable[[], Store]) -> asyncio.Task[Store]:
        task = asyncio.create_task(asyncio.to_thread(opening))
        asyncio.get_running_loop().call_later(_SLOW_SECONDS, lambda: task.done() or self._slow())
        return task

    async def close(self) -> None:
        if self._opening and not self._opening.cancelled():
            with contextlib.suppress(KullmError):
                self._store = await self._opening
        if self._store and self._is_ours:
            await asyncio.to_thread(self._store.close)


def _open_store() -> Store:
    from kullm_tui.core.paths import database_file
    from kullm_tui.core.store.recovery import open_store

    return open_store(database_file())


def _open_again(store: Store) -> Store:
    from kullm_tui.core.store.recovery import open_again

    return open_again(store)
