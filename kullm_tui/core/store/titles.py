"""The title of a conversation, made without a model."""

from kullm_tui.core.language import say
from kullm_tui.core.text import storable, terminal_safe

_LONGEST_TITLE = 60


def title_of(question: str) -> str:
    """The first line that says something, cut at a length that fits a list."""
    lines = (" ".join(line.split()) for line in terminal_safe(storable(question)).splitlines())
    line = next((line for line in lines if line), say("제목 없음", "Untitled"))
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 1]}…"
