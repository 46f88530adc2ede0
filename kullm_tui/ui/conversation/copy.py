"""A turn's text, or the next of its blocks of code, to the clipboard; what became of it is told."""

from __future__ import annotations

from textual.app import App

from kullm_tui.core.language import say
from kullm_tui.ui.conversation.turn import TurnView
from kullm_tui.ui.text import plain


async def copy_turn(app: App[int], view: TurnView, *, code: bool) -> None:
    text = view.next_code() if code else view.text
    nothing = (
        say("복사할 코드가 없어요.", "There is no code to copy.")
        if code
        else say("아직 복사할 글이 없어요.", "Nothing to copy yet.")
    )
    await copy_text(app, text, nothing)


async def copy_text(app: App[int], text: str, nothing: str = "") -> None:
    from kullm_tui.ui.terminal.clipboard import copy

    said = await copy(app, text) if text else nothing
    app.notify(plain(said).plain, timeout=3, markup=False)
