"""Work in a thread that ends with it.

A thread that has computed keeps its helpers, OpenMP's, for as long as it lives. While there are more of those than cores, none of them waits
the few microseconds until the next product: they sleep, and each product wakes them. Whoever computes once, to load a model or to search
beams, must not leave such helpers beside the batch, whose steps have hundreds of products (docs/experiments.md has the numbers).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

_T = TypeVar("_T")


async def apart(work: Callable[..., _T], *given: Any, **named: Any) -> _T:
    """As `asyncio.to_thread`, whose threads stay."""
    return await asyncio.wrap_future(_begun(partial(work, *given, **named)))


def done_apart(work: Callable[..., _T], *given: Any) -> _T:
    """The same, waited for."""
    return _begun(partial(work, *given)).result()


def _begun(work: Callable[[], _T]) -> "Future[_T]":
    pool = ThreadPoolExecutor(1, "apart")
    begun = pool.submit(copy_context().run, work)
    pool.shutdown(wait=False)  # its thread ends with the work
    return begun
