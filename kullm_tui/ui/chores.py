"""Work that a screen begins and does not wait for; what goes wrong is told where the screen says."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from textual.dom import DOMNode
from textual.worker import WorkType

from kullm_tui.core.errors import KullmError

Chore = Callable[[], Coroutine[Any, Any, None]]


def begin(
    node: DOMNode, chore: Chore, tell: Callable[[KullmError], None], *, group: str = "chore", exclusive: bool = False
) -> None:
    """Takes what makes the coroutine: one that exists already is never awaited where the work is called off before it begins."""
    work: WorkType[None] = partial(_told, chore, tell)
    node.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)


async def _told(chore: Chore, tell: Callable[[KullmError], None]) -> None:
    try:
        await chore()
    except KullmError as error:
        tell(error)
