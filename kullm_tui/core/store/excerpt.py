"""What a search shows of a text: one line around what was found, without the marks of Markdown, which the reply on the screen has not either."""

import re
from collections.abc import Iterator

from kullm_tui.core.text import terminal_safe

_BEFORE, _BEHIND = 24, 80  # characters
_LOOKED_AT = 300  # to either side, where a mark may have begun
_BLANKS = re.compile(r"\s+")

_LEADING = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[> \t]*|[-*+][ \t]+|(?:```|~~~).*$)", re.MULTILINE)
_RULE = re.compile(r"^[ \t|:-]*-[ \t|:-]*$", re.MULTILINE)  # also the one under a table's head
_TABLE_ROW = re.compile(r"^[ \t]*\|.*$", re.MULTILINE)
_LINK = re.compile(r"(!?\[)[^\]\n]*(\]\([^)\n]*\))")
# Both ends of what they enclose. Between Latin letters and digits they are arithmetic or code: 2*3*4, a**b.
_ENCLOSING = tuple(
    map(
        re.compile,
        (
            r"(`+)(?=\S)[^`\n]+?(?<=\S)(\1)(?!`)",
            r"(?<![A-Za-z0-9*])(\*{2,3})(?=[^\s*])[^\n]+?(?<=\S)(\1)(?!\*)",
            r"(?<![\w*])(\*)(?=[^\s*])[^*\n]*(?<=[^\s*])(\*)(?!\*)",
            r"(?<![\w_])(__?)(?=[^\s_])[^_\n]*(?<=[^\s_])(\1)(?!\w)",
            r"(~~)(?=\S)[^~\n]+?(?<=\S)(~~)",
        ),
    )
)


def excerpt(text: str, start: int, end: int, *, is_markdown: bool = True) -> tuple[str, int, int]:
    """The line, and where in it stands what was found at text[start:end], which itself is shown as it is."""
    begin, stop = _line_start(text, start), min(len(text), end + _LOOKED_AT)
    bare = _without_marks(text[begin:stop], start - begin, end - begin) if is_markdown else text[begin:stop]
    here, there = start - begin, end - begin
    before, found, behind = (_one_line(part) for part in (bare[:here], bare[here:there], bare[there:]))
    if begin or len(before) > _BEFORE:
        before = f"…{before[-_BEFORE:].lstrip()}"
    if stop < len(text) or len(behind) > _BEHIND:
        behind = f"{behind[:_BEHIND].rstrip()}…"
    before = before.lstrip()
    return before + found + behind.rstrip(), len(before), len(before) + len(found)


def _without_marks(text: str, start: int, end: int) -> str:
    """Of the same length, so that places stay: a NUL stands where a mark stood, a blank where a table's bar did."""
    letters = list(text)
    for first, last in _marks(text):
        if last <= start or end <= first:
            letters[first:last] = (" " if letter == "|" else "\0" for letter in letters[first:last])
    return "".join(letters)


def _marks(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (_LEADING, _RULE):
        yield from (match.span() for match in pattern.finditer(text))
    for row in _TABLE_ROW.finditer(text):
        yield from ((place, place + 1) for place in range(*row.span()) if text[place] == "|")
    for pattern in (_LINK, *_ENCLOSING):
        for match in pattern.finditer(text):
            yield from (match.span(1), match.span(2))


def _line_start(text: str, start: int) -> int:
    """Where the lines that are looked at begin."""
    earliest = max(0, start - _LOOKED_AT)
    return max(earliest, text.find("\n", earliest, max(earliest, start - _BEFORE)) + 1) if earliest else 0


def _one_line(text: str) -> str:
    """Terminal-safe, which also takes the NULs away."""
    return _BLANKS.sub(" ", terminal_safe(text))
