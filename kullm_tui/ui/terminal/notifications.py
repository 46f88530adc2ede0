"""Telling a reader who looks elsewhere that a long reply has ended: the terminal's bell and a desktop notice.

config.toml says how: `notify = "bell"`, `"desktop"`, `"off"`, or `"auto"`, which is the bell, and a notice where the terminal is known to show them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from textual.app import App

from kullm_tui.core.config.settings import Notify
from kullm_tui.core.text import terminal_safe
from kullm_tui.ui.terminal.clipboard import passed_on

_LONGEST = 80
# By what terminals leave in the environment, most of which is still there behind tmux.
_SHOWS_NOTICES = re.compile(r"iterm|wezterm|ghostty|kitty|foot|rxvt", re.IGNORECASE)
# They know OSC 777, which carries a title; the others know OSC 9, which iTerm2 began.
_KNOWS_777 = re.compile(r"foot|rxvt")
# The Linux console prints what it does not know.
_NO_OSC = ("linux", "dumb", "vt100", "vt220")


def announce(app: App[int], text: str, way: Notify) -> None:
    driver = app._driver
    if driver is None or app.is_headless:
        return
    for sequence in sequences(text, way, os.environ):
        driver.write(sequence)


def sequences(text: str, way: Notify, environment: Mapping[str, str]) -> Iterator[str]:
    """What the terminal is told."""
    is_auto = way in ("", "auto")
    if is_auto or way == "bell":
        yield "\a"
    if way == "desktop" or (is_auto and _shows_notices(environment)):
        yield from _notice(text, environment)


def _shows_notices(environment: Mapping[str, str]) -> bool:
    names = " ".join(environment.get(name, "") for name in ("TERM_PROGRAM", "LC_TERMINAL", "TERM"))
    marks = ("KITTY_WINDOW_ID", "WEZTERM_PANE", "GHOSTTY_RESOURCES_DIR", "VTE_VERSION")
    return bool(_SHOWS_NOTICES.search(names)) or any(environment.get(mark) for mark in marks)


def _notice(text: str, environment: Mapping[str, str]) -> Iterator[str]:
    term = environment.get("TERM", "dumb")
    if term in _NO_OSC:
        return
    words = " ".join(terminal_safe(text).replace(";", ",").split())[:_LONGEST]
    if _KNOWS_777.match(term) or environment.get("VTE_VERSION"):
        yield from passed_on(f"\x1b]777;notify;kullm;{words}\a", environment)
    else:
        yield from passed_on(f"\x1b]9;{words}\a", environment)
