"""The colours. Every style sheet of the app names tokens; only this module names colours.

Tokens beside Textual's own: `$rule` for the one thin line, `$quiet` for what stands back, `$lift` for a panel over the page.
"""

from __future__ import annotations

from textual.theme import Theme

DEFAULT = "kullm-dark"

_DARK = Theme(
    name=DEFAULT,
    primary="#7cc7f0",
    secondary="#6b93ad",
    accent="#7cc7f0",
    warning="#e2b566",
    error="#ec7f87",
    success="#86cf98",
    foreground="#dbe2e9",
    background="#11151a",
    surface="#161b21",
    panel="#1c232b",
    dark=True,
    variables={
        "rule": "#2c3640",
        "quiet": "#84919e",
        "lift": "#1c232b",
        "block-cursor-background": "#7cc7f0",
        "block-cursor-foreground": "#11151a",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#26323d",
        "block-cursor-blurred-foreground": "#dbe2e9",
        "input-cursor-background": "#7cc7f0",
        "input-cursor-foreground": "#11151a",
        "input-selection-background": "#7cc7f0 30%",
        "scrollbar": "#2c3640",
        "scrollbar-hover": "#42505d",
        "scrollbar-active": "#7cc7f0",
        "scrollbar-background": "#11151a",
        "scrollbar-background-hover": "#11151a",
        "scrollbar-background-active": "#11151a",
        "scrollbar-corner-color": "#11151a",
        "border": "#7cc7f0",
        "border-blurred": "#2c3640",
    },
)

_LIGHT = Theme(
    name="kullm-light",
    primary="#0b72b0",
    secondary="#4b7591",
    accent="#0b72b0",
    warning="#96660a",
    error="#b8323c",
    success="#2b7a3f",
    foreground="#1d2730",
    background="#fafbfc",
    surface="#f2f5f8",
    panel="#e8edf2",
    dark=False,
    variables={
        "rule": "#cfd8e0",
        "quiet": "#5c6b78",
        "lift": "#edf1f5",
        "block-cursor-background": "#0b72b0",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#d8e2ea",
        "block-cursor-blurred-foreground": "#1d2730",
        "input-cursor-background": "#0b72b0",
        "input-cursor-foreground": "#ffffff",
        "input-selection-background": "#0b72b0 25%",
        "scrollbar": "#c5d0d9",
        "scrollbar-hover": "#a9b7c2",
        "scrollbar-active": "#0b72b0",
        "scrollbar-background": "#fafbfc",
        "scrollbar-background-hover": "#fafbfc",
        "scrollbar-background-active": "#fafbfc",
        "scrollbar-corner-color": "#fafbfc",
        "border": "#0b72b0",
        "border-blurred": "#cfd8e0",
    },
)

OURS = (_DARK, _LIGHT)
# In the order in which they are offered; the last two take the terminal's own sixteen colours.
NAMES = (_DARK.name, _LIGHT.name, "ansi-dark", "ansi-light")

# For the themes that are not ours.
TOKEN_DEFAULTS = {"rule": "ansi_bright_black", "quiet": "ansi_bright_black", "lift": "ansi_default"}
