"""Where growing Markdown may be cut: each fragment reads the same alone as in its reply.

A reply arrives in pieces for minutes, and parsing it anew for each would cost more with every line. So lines are looked at once: a fragment ends where
its block ends (a paragraph at the blank line, a list item where the next begins, a fence line by line), and only the open one is ever read again.
Cutting too late costs time; cutting where Markdown would not costs meaning, so in doubt a fragment goes on. What grows past every measure is cut
into plain fragments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kullm_tui.core.text import nfc
from kullm_tui.ui.markdown.line_syntax import (
    DELIMITERS,
    FENCE,
    HEADING,
    NO_WORDS,
    QUOTE,
    RULE,
    UNDERLINE,
    Marker,
    columns,
    indent,
    interrupts,
    is_blank,
    marker_of,
)

Kind = Literal["text", "item", "table", "fence", "code", "end", "plain"]

LONGEST = 10_000  # characters of one fragment that are read as Markdown
TABLE_ROWS = 60  # then the table goes on in the columns it has
_INDENTED = ("    ", "\t")


@dataclass(frozen=True)
class Fragment:
    kind: Kind
    source: str  # of a fence its language, of code the bare lines
    spaced: bool = False  # a blank row stands before it
    number: int | None = None  # of an item in an ordered list
    joins: bool = False  # goes on in the row where the fragment before it ended


class Splitter:
    """`feed` gives the fragments that a piece closed; `open` is what has begun since."""

    def __init__(self) -> None:
        self._partial = ""
        self._lines: list[str] = []
        self._size = 0
        self._kind: Literal["", "text", "quote", "indented", "item", "table", "fence"] = ""
        self._gap = False  # a blank line stands before what comes next
        self._spaced = False
        self._before = ""  # the kind of block above
        self._marker = Marker("", None, 0, True)
        self._number: int | None = None
        self._fence = ("", 0, 0)  # its sign, how many of them, how far it is indented
        self._head: list[str] = []  # of a table that goes on
        self._overlong = False

    def feed(self, text: str) -> Iterator[Fragment]:
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            yield from self._ended(line)
        while len(self._partial) > LONGEST:
            chunk, self._partial = self._partial[:LONGEST], self._partial[LONGEST:]
            yield from self._cut_line(chunk)

    def close(self) -> Iterator[Fragment]:
        line, self._partial = self._partial, ""
        if line or self._overlong:
            yield from self._ended(line)
        yield from self._close()
        if self._kind == "fence":
            self._kind = ""
            yield Fragment("end", "")

    @property
    def open(self) -> Fragment | None:
        """What has begun and not ended, as it would read if it ended here."""
        line = nfc(self._partial)
        if self._overlong:
            return Fragment("code" if self._kind == "fence" else "plain", line, joins=True) if line else None
        if self._kind == "fence":
            return Fragment("code", self._outdented(line)) if line and not self._closes(line) else None
        source = "\n".join([*self._head, *self._lines, *([line] if line else [])])
        if is_blank(source):
            return None
        if not self._kind:
            return self._begun(line)
        return Fragment(self._sort(), source, self._spaced, self._number if self._kind == "item" else None)

    def _begun(self, line: str) -> Fragment:
        marker = marker_of(line)
        if marker and not RULE.match(line):
            return Fragment("item", line, self._gap or self._before != "item", self._counted(marker))
        return Fragment("text", line, self._gap or self._before not in ("", "text"))

    def _ended(self, line: str) -> Iterator[Fragment]:
        line = nfc(line)
        if self._overlong:
            self._overlong = False
            yield Fragment("code" if self._kind == "fence" else "plain", line, joins=True)
            return
        if self._kind == "fence":
            yield from self._fence_line(line)
            return
        if self._kind and not self._goes_on(line):
            yield from self._close()
        if self._kind == "text" and self._begins_table(line):
            yield from self._table_begun(line)
        elif self._kind:
            yield from self._add(line)
        else:
            yield from self._begin(line)

    def _fence_line(self, line: str) -> Iterator[Fragment]:
        if self._closes(line):
            self._kind, self._before = "", "fence"
            yield Fragment("end", "")
        else:
            yield Fragment("code", self._outdented(line))

    def _outdented(self, line: str) -> str:
        """A fence that stands in by some spaces takes as many from its lines."""
        spaces = self._fence[2]
        return line[spaces:] if not line[:spaces].strip(" ") else line.lstrip(" ")

    def _closes(self, line: str) -> bool:
        marks, least, _ = self._fence
        bare = line.strip(" \t")
        return len(bare) >= least and not bare.strip(marks) and indent(line) <= 3

    def _goes_on(self, line: str) -> bool:
        """Whether the line belongs to what is open."""
        blank = is_blank(line)
        match self._kind:
            case "item":
                return self._item_goes_on(line, blank)
            case "indented":
                return blank or line.startswith(_INDENTED)
            case "table":
                return not blank and not line.startswith(_INDENTED) and not interrupts(line)
            case "text":
                return not blank and (bool(UNDERLINE.match(line)) or not interrupts(line))
            case _:
                return not blank and not (interrupts(line) and not (self._kind == "quote" and QUOTE.match(line)))

    def _item_goes_on(self, line: str, blank: bool) -> bool:
        if blank:
            return True
        if indent(line) >= self._marker.offset:
            return True
        return not NO_WORDS.match(self._lines[-1]) and not interrupts(line) and not marker_of(line)

    def _add(self, line: str) -> Iterator[Fragment]:
        self._lines.append(line)
        self._size += len(line) + 1
        if self._kind == "text" and UNDERLINE.match(line) and len(self._lines) > 1:
            yield from self._close("heading")
        elif self._kind == "table" and len(self._lines) >= TABLE_ROWS:
            head = self._head or self._lines[:2]
            yield from self._emit()
            self._kind, self._head, self._spaced = "table", head, False
        elif self._size > LONGEST:
            yield Fragment("plain", "\n".join([*self._head, *self._lines]), self._spaced)
            self._reset("text")

    def _begins_table(self, line: str) -> bool:
        header = self._lines[-1]
        return (
            "|" in header and indent(header) <= 3 and bool(DELIMITERS.match(line)) and columns(header) == columns(line)
        )

    def _table_begun(self, line: str) -> Iterator[Fragment]:
        header = self._lines.pop()
        if self._lines:
            yield from self._close()
            self._spaced = True
        self._kind = "table"
        self._lines = [header, line]
        self._size = len(header) + len(line)

    def _begin(self, line: str) -> Iterator[Fragment]:
        if is_blank(line):
            self._gap = True
            return
        marker = marker_of(line)
        if fence := FENCE.match(line):
            self._start("fence")
            self._fence = (fence[2][0], len(fence[2]), len(fence[1]))
            yield Fragment("fence", fence[3].strip(), self._spaced)
        elif line.startswith(_INDENTED):
            self._start("indented")
            yield from self._add(line)
        elif HEADING.match(line) or RULE.match(line):
            self._start("text")
            self._lines = [line]
            yield from self._close("heading" if HEADING.match(line) else "rule")
        elif marker:
            self._number = self._counted(marker)
            self._start("item")
            self._marker = marker
            yield from self._add(line)
        else:
            self._start("quote" if QUOTE.match(line) else "text")
            yield from self._add(line)

    def _counted(self, marker: Marker) -> int | None:
        """Markdown counts on from the first item, whatever the later ones say."""
        if marker.number is None or self._before != "item" or marker.sort != self._marker.sort or self._number is None:
            return marker.number
        return self._number + 1

    def _start(self, kind: Literal["text", "quote", "indented", "item", "fence"]) -> None:
        close_above = (self._before, kind) in (
            ("text", "item"),
            ("item", "item"),
            ("heading", "text"),
            ("heading", "item"),
        )
        self._spaced = bool(self._before) and (self._gap or not close_above)
        self._kind, self._gap = kind, False

    def _close(self, kind: str = "") -> Iterator[Fragment]:
        if self._kind in ("", "fence"):
            return
        if self._lines and is_blank(self._lines[-1]):
            self._gap = True
        yield from self._emit()
        self._reset(kind or self._kind)

    def _emit(self) -> Iterator[Fragment]:
        source = "\n".join([*self._head, *self._lines])
        if not is_blank(source):
            yield Fragment(self._sort(), source, self._spaced, self._number if self._kind == "item" else None)
        self._lines, self._size = [], 0

    def _sort(self) -> Kind:
        return self._kind if self._kind in ("item", "table") else "text"

    def _reset(self, before: str) -> None:
        self._lines, self._size, self._head = [], 0, []
        self._kind, self._before, self._spaced = "", before, False

    def _cut_line(self, chunk: str) -> Iterator[Fragment]:
        """A line that has no end yet and is too long to wait for."""
        joins, self._overlong = self._overlong, True
        chunk = nfc(chunk)
        if self._kind == "fence":
            yield Fragment("code", chunk, joins=joins)
            return
        spaced = self._gap and not joins
        if self._kind:
            yield from self._close()
        self._before, self._gap = "text", False
        yield Fragment("plain", chunk, spaced, joins=joins)
