"""Two texts side by side, and what stands in one of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from textual.content import Content

from kullm_tui.ui.text import safe

_COMPARED = 4000  # characters; of more than that the rest stands unmarked


def marked(left: str, right: str) -> tuple[Content, Content]:
    """What stands in the one alone, underlined in it: word by word, and within Korean words letter by letter would tell nothing."""
    one, other = _words(safe(left)), _words(safe(right))
    left_parts: list[tuple[str, str]] = []
    right_parts: list[tuple[str, str]] = []
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, begin, end, other_begin, other_end in matcher.get_opcodes():
        same = tag == "equal"
        left_parts.append(("".join(one[begin:end]), "" if same else "$warning underline"))
        right_parts.append(("".join(other[other_begin:other_end]), "" if same else "$success underline"))
    return _assembled(left_parts), _assembled(right_parts)


def _assembled(parts: Sequence[tuple[str, str]]) -> Content:
    return Content.assemble(*((text, style) for text, style in parts if text))


def _words(text: str) -> list[str]:
    """Words with the space behind them; beyond what is compared, one long one."""
    found: list[str] = []
    word = ""
    for letter in text[:_COMPARED]:
        if word and word[-1].isspace() and not letter.isspace():
            found.append(word)
            word = ""
        word += letter
    return [part for part in (*found, word, text[_COMPARED:]) if part]
