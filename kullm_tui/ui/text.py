"""Text from outside as the screen may show it: no markup, nothing that a terminal would obey."""

from textual.content import Content

from kullm_tui.core.text import nfc, safe_line, terminal_safe

__all__ = ("plain", "safe", "safe_line")


def plain(text: str) -> Content:
    return Content(safe(text))


def safe(text: str) -> str:
    """For widgets with `markup=False` and for fields of text."""
    return terminal_safe(nfc(text))
