"""Answers that are no answers: empty, only markup, the question repeated, or one thing over and over.

A low score over many of these says that the prompt's template was wrong, not that the model is bad. They are flagged and counted.
"""

import re
import unicodedata
from collections import Counter

_WORDS_OF_A_LOOP = 4
_FEWEST_WORDS = 24
_MOST_REPEATED = 0.5  # of a reply's word groups
_FEWEST_LINES, _SAME_LINES = 6, 4
_ECHO = 20

EMPTY, MARKUP, ECHO, LOOP = "empty", "markup", "echo", "loop"
CUT = "cut"  # at the limit of tokens: it says something, and not all


def answer_fault(response: str, instruction: str) -> str:
    """The fault's name; empty for an answer that says something."""
    text = response.strip()
    if not text:
        return EMPTY
    if all(_is_mark(character) for character in text):
        return MARKUP
    if len(instruction.strip()) >= _ECHO and _plain(text) == _plain(instruction):
        return ECHO
    return LOOP if _loops(text) else ""


def _is_mark(character: str) -> bool:
    """Punctuation, lines, blanks; not an emoji, which can be the whole answer."""
    return unicodedata.category(character)[0] in "PZC" or unicodedata.category(character) in ("Sm", "Sk")


def _loops(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) >= _FEWEST_LINES and max(Counter(lines).values()) >= max(_SAME_LINES, len(lines) // 2):
        return True
    words = text.split()
    if len(words) < _FEWEST_WORDS:
        return False
    groups = Counter(zip(*(words[start:] for start in range(_WORDS_OF_A_LOOP)), strict=False))
    total = sum(groups.values())
    return sum(times - 1 for times in groups.values()) / total > _MOST_REPEATED


def _plain(text: str) -> str:
    return "".join(re.findall(r"\w+", text)).casefold()
