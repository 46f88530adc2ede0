"""Work that a screen begins and does not wait for; what goes wrong is told where the screen says."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from textual.dom import DOMNode
from textual.worker import WorkType

from kullm_tui.core.errors import KullmError

Fault = KullmError | OSError  # what the disk refuses has not always been translated
Chore = Callable[[], Coroutine[Any, Any, None]]


def begin(
    node: DOMNode, chore: Chore, tell: Callable[[Fault], None], *, group: str = "chore", exclusive: bool = False
) -> None:
    """Takes what makes the coroutine: one that exists already is never awaited where the work is called off before it begins."""
    work: WorkType[None] = partial(told, chore, tell)
    node.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)


async def told(chore: Chore, tell: Callable[[Fault], None]) -> None:
    try:
        await chore()
    except (KullmError, OSError) as error:
        tell(error)
