"""Where something is to be saved: asked for, and asked once more before a file is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.ui.screens.ask import AskLine, Confirm

if TYPE_CHECKING:
    from textual.app import App


async def ask_where(
    app: App[int], question: str, *, value: str, more: str = "", fault: Callable[[str], str | None] = lambda _: None
) -> Path | None:
    """In a worker. None where nobody wants to save any more."""
    line = await app.push_screen_wait(
        AskLine(
            question,
            button=say("저장하기", "Save"),
            value=value,
            more=more,
            fault=lambda line: fault(line) if line else say("경로가 비어 있어요.", "The path is empty."),
        )
    )
    if not line:
        return None
    path = Path(line).expanduser()
    if await asyncio.to_thread(path.exists) and not await app.push_screen_wait(_replace(path)):
        return None
    return path


def _replace(path: Path) -> Confirm:
    return Confirm(
        say(f"{path.name} 파일이 이미 있어요.", f"{path.name} is there already."),
        say("바꿔 쓰기", "Replace it"),
        danger=True,
    )
