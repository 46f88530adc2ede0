"""Work that a screen begins and does not wait for; what goes wrong is told where the screen says.

With the replies' workers (`core/asking/live_reply.py`) this is the interface's worker edge: a bug is told and its traceback kept, never the end of the app.
"""

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar, cast

from textual.dom import DOMNode
from textual.widget import Widget
from textual.worker import WorkType

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

Fault = KullmError | OSError  # what the disk refuses has not always been translated
Work = Callable[[], Coroutine[Any, Any, None]]

T = TypeVar("T")

logger = logging.getLogger(__name__)


def begin(
    node: DOMNode, work: Work, tell: Callable[[Fault], None], *, group: str = "work", exclusive: bool = False
) -> None:
    """Takes what makes the coroutine: one that exists already is never awaited where the work is called off before it begins."""
    guarded: WorkType[None] = partial(tell_fault, work, tell)
    node.run_worker(guarded, group=group, exclusive=exclusive, exit_on_error=False)


def is_there(widget: Widget) -> bool:
    """Its parts can be asked for: it has them by now, and is not being taken apart. Work may end, and a frame be drawn, on either side of that."""
    return widget.is_mounted and widget.is_running


async def tell_fault(work: Work, tell: Callable[[Fault], None]) -> None:
    fault = await fault_of(work())
    if fault:
        tell(fault)


async def apart(work: Callable[[], T]) -> T:
    """In a thread of its own, which the end of the app does not wait for: the way to a machine may hang, a model may be measured."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] = loop.create_future()

    def end(found: T | None, error: BaseException | None) -> None:
        if ended.done():  # nobody waits any more
            return
        if error is not None:
            ended.set_exception(error)
        else:
            ended.set_result(cast("T", found))

    def run() -> None:
        found: T | None = None
        fault: BaseException | None = None
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits for the work
            fault = error
        with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
            loop.call_soon_threadsafe(end, found, fault)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    return await ended


async def fault_of(running: Awaitable[None]) -> Fault | None:
    """What went wrong with it, in words for its user."""
    try:
        await running
    except (KullmError, OSError) as error:
        return error
    except Exception as error:  # the interface's worker edge: a bug becomes words, and its traceback is kept
        logger.exception("work of a screen broke")
        return KullmError(_bug(error))
    return None


def _bug(error: Exception) -> str:
    from kullm_tui.core.paths import app_log

    kind = type(error).__name__
    return say(
        f"예상하지 못한 오류가 났어요({kind}). 자세한 기록: {app_log()}",
        f"Something unexpected went wrong ({kind}: {error}). The details: {app_log()}",
    )
