"""Where something is to be saved: asked for, and asked once more before a file is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.files import is_there
from kullm_tui.core.language import say
from kullm_tui.ui.dialogs.ask import AskLine, Confirm

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
            fault=lambda line: _fault(line) or fault(line),
        )
    )
    if not line:
        return None
    path = paths.typed(line)
    if await asyncio.to_thread(is_there, path) and not await app.push_screen_wait(_replace(path)):
        return None
    return path


def _fault(line: str) -> str | None:
    """What speaks against the place itself."""
    if not line:
        return say("경로가 비어 있어요.", "The path is empty.")
    path = paths.typed(line)
    try:
        if path.is_dir():
            return say(f"{path}: 폴더예요. 파일 이름까지 적어 주세요.", f"{path} is a folder. Name a file in it.")
        if not path.parent.is_dir():
            return say(f"그런 폴더가 없어요: {path.parent}", f"There is no such folder: {path.parent}")
    except OSError as error:
        return say(f"쓸 수 없는 곳이에요 ({cause_of(error)}).", f"Nothing can be written there ({cause_of(error)}).")
    return None


def _replace(path: Path) -> Confirm:
    return Confirm(
        say(f"{path.name} 파일이 이미 있어요.", f"{path.name} is there already."),
        say("덮어쓰기", "Replace it"),
        danger=True,
    )
