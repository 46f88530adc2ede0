"""What was learnt of feedback, saved in a file: where is asked for, and what may be personal is asked about before it leaves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.feedback.forms import Form, write_file
from kullm_tui.feedback.lessons import Lesson
from kullm_tui.feedback.text import personal_note
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.dialogs.save_file import ask_where

if TYPE_CHECKING:
    from textual.app import App


async def save_lessons(
    app: App[int], chosen: tuple[Lesson, ...], form: Form, question: str, *, value: str, more: str
) -> tuple[int, Path] | None:
    """In a worker: how many were saved, and where. None where nothing was."""
    path = await ask_where(app, question, value=value, more=more)
    agreed = await _agreed(app, chosen) if path else ()
    if not (path and agreed):
        return None
    await asyncio.to_thread(write_file, path, agreed, form)
    return len(agreed), path


async def _agreed(app: App[int], chosen: tuple[Lesson, ...]) -> tuple[Lesson, ...]:
    """Without what may be personal, unless somebody wants that to leave too."""
    flagged = [one for one in chosen if one.personal]
    if not flagged:
        return chosen
    asked = Confirm(
        personal_note(flagged),
        say("그것까지 저장하기", "Save them too"),
        more=say("취소하면 그 행들은 빼고 저장해요.", "Cancel saves without those rows."),
        danger=True,
    )
    if await app.push_screen_wait(asked):
        return chosen
    return tuple(one for one in chosen if not one.personal)
