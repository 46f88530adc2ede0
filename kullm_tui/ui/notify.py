"""Telling a reader who looks elsewhere that a long reply has ended: the terminal's bell and, where it knows OSC 9, a desktop notice."""

import os

from textual.app import App

from kullm_tui.core.text import terminal_safe

LONG_SECONDS = 10.0
_LONGEST = 80


def announce(app: App[int], text: str) -> None:
    driver = app._driver
    if driver is None or app.is_headless:
        return
    app.bell()
    driver.write(osc9(text, in_tmux=bool(os.environ.get("TMUX"))))


def osc9(text: str, *, in_tmux: bool) -> str:
    words = " ".join(terminal_safe(text).replace(";", ",").split())[:_LONGEST]
    notice = f"\x1b]9;{words}\x07"
    return f"\x1bPtmux;{notice.replace(chr(27), chr(27) * 2)}\x1b\\" if in_tmux else notice
