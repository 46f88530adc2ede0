"""The engine of this machine, started before it is needed. What goes wrong is told when a question is asked."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from kullm_tui.core.memory import Memory
    from kullm_tui.ui.widgets.status_line import Status

_ROOM_BYTES = 2e9
_LOOK_SECONDS = 0.25


async def has_room() -> bool:
    """For its libraries and a small model."""
    free = (await asyncio.to_thread(_memory_here)).free
    return free is None or free > _ROOM_BYTES


async def warm(status: Status) -> None:
    from kullm_tui.core.endpoints.local_engine import running_engine

    with contextlib.suppress(KullmError):
        status.set_engine(say("엔진 준비 중", "engine starting"))
        await asyncio.to_thread(_start)
        while (engine := await asyncio.to_thread(running_engine)) and engine.phase == "importing":
            await asyncio.sleep(_LOOK_SECONDS)
    status.set_engine("")


def _memory_here() -> Memory:
    """Of the processor, whose memory an engine's libraries take wherever its models are."""
    from kullm_tui.core.memory import memory_here

    return memory_here("cpu")


def _start() -> None:
    from kullm_tui.core.endpoints.local_engine import ensure_engine
    from kullm_tui.core.extras import require_local

    require_local()
    ensure_engine()
