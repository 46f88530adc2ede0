"""Work that a screen begins and does not wait for; what goes wrong is told where the screen says.

With the replies' workers (`generation.py`) this is the interface's worker edge: a bug is told and its traceback kept, never the end of the app.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from textual.dom import DOMNode
from textual.worker import WorkType

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

Fault = KullmError | OSError  # what the disk refuses has not always been translated
Chore = Callable[[], Coroutine[Any, Any, None]]

logger = logging.getLogger(__name__)


def begin(
    node: DOMNode, chore: Chore, tell: Callable[[Fault], None], *, group: str = "chore", exclusive: bool = False
) -> None:
    """Takes what makes the coroutine: one that exists already is never awaited where the work is called off before it begins."""
    work: WorkType[None] = partial(told, chore, tell)
    node.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)


async def told(chore: Chore, tell: Callable[[Fault], None]) -> None:
    fault = await fault_of(chore())
    if fault:
        tell(fault)


async def fault_of(work: Awaitable[None]) -> Fault | None:
    """What went wrong with it, in words for its user."""
    try:
        await work
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
