"""What one line of Markdown says about the block that it begins, continues or ends."""

import re
from dataclasses import dataclass

FENCE = re.compile(r"( {0,3})(`{3,}(?=[^`]*$)|~{3,})\s*(.*)$")
HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
UNDERLINE = re.compile(r" {0,3}(?:-+|=+)[ \t]*$")
QUOTE = re.compile(r" {0,3}>")
# A line in an item that leaves no paragraph open, which an unindented line could go on with.
NO_WORDS = re.compile(
    r"(?:[ \t>]|(?:[-+*]|\d{1,9}[.)])(?:[ \t]|$))*(?:#{1,6}(?:\s|$)|`{3}|~{3}|(?:\*[ \t]*){3,}$|(?:-[ \t]*){3,}$|$)"
)
_MARKER = re.compile(r"( {0,3})([-+*]|\d{1,9}[.)])([ \t]+|$)(.*)$")
DELIMITERS = re.compile(r" {0,3}(?!-(?:[ \t]|$))\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_CELL_BORDER = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Marker:
    sort: str  # `-`, `+`, `*`, `.` or `)`: another one begins another list
    number: int | None
    offset: int  # the column where the item's text begins
    empty: bool


def marker_of(line: str) -> Marker | None:
    found = _MARKER.match(line)
    if not found or RULE.match(line):
        return None
    indent, mark, space, rest = found.groups()
    spaces = len(space.expandtabs(4))
    offset = len(indent) + len(mark) + (spaces if rest and spaces <= 4 else 1)
    return Marker(mark[-1], int(mark[:-1]) if mark[:-1] else None, offset, not rest)


def interrupts(line: str) -> bool:
    """Whether the line begins a block even right under a paragraph."""
    if indent(line) > 3:
        return False
    if FENCE.match(line) or HEADING.match(line) or RULE.match(line) or QUOTE.match(line):
        return True
    marker = marker_of(line)
    return marker is not None and not marker.empty and marker.number in (None, 1)


def is_blank(text: str) -> bool:
    """Other spaces, such as one that does not break, are text to Markdown."""
    return not text.strip(" \t\n")


def indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip(" "))


def columns(line: str) -> int:
    return len(_CELL_BORDER.split(line.strip().removeprefix("|").removesuffix("|")))


def bare_words(line: str, *, item: bool) -> str | None:
    """The words of a paragraph, or of an item, that is one line and nothing else; None: the block parser has to look."""
    if "\n" in line:
        return None
    if item:
        found = _MARKER.match(line)
        line = found[4] if found and len(found[3].expandtabs(4)) <= 4 else ""
    words = line.strip()
    if not words or indent(line) or interrupts(words) or marker_of(words):
        return None
    return words
