"""Which stretches of a text are no language: they go through a translation byte for byte.

    block     fenced and indented code, Markdown tables, and whatever else holds a line break or has its lines to itself
    inline    `code`, addresses, $formulas$, <tags>, and characters that no protocol carries

Ends are looked for forwards once: what never ends is known not to, so that a text of ten megabytes of openings takes no longer than any other.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["fence", "table", "code", "address", "formula", "tag", "control"]


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    kind: Kind
    is_block: bool = False


FIRST_MARK = 0xF0000  # the private characters that stand for placeholders while their places are compared
MARK = re.compile(f"[{chr(FIRST_MARK)}-\U0010ffff]")
_FENCE = re.compile(r"`{3,}|(?:^|(?<=\n))[ \t>]*~{3,}")
_LINE_START = re.compile(r"(?:^|(?<=\n))[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?\Z")
_DELIMITER_ROW = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]")
_EMPTY_LINE = re.compile(r"\n[ \t\r>]*\n")
_WIDEST_INDENT = 200
_LONGEST_CODE = 5000
_LONGEST_TAG = 2000
# What may begin an inline stretch; where several could, the first named does.
_OPENING = re.compile(
    r"(?P<comment><!--)"
    r"|(?P<whole><(?P<name>pre|code|script|style|math|svg)\b[^<>]{0,500}>)"
    r"|(?P<display>\$\$|\\\[)"
    r"|(?P<environment>\\begin\{[A-Za-z*]{1,40}\})"
    r"|(?P<ticks>(?<!`)`{1,2}(?!`))"
    r"|(?P<address>(?:https?|ftp)://[^\s<>\"`]{1,4000}|www\.[A-Za-z0-9-]{1,63}\.[^\s<>\"`]{1,4000}|mailto:[^\s<>\"`]{1,400}"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5})"
    r"|(?P<paren>\\\()"
    r"|(?P<dollar>(?<![\\$\w])\$(?=[^\s$]))"
    r"|(?P<command>\\[A-Za-z]{2,40}(?:\{[^{}\n]{0,400}\}){0,4})"
    rf"|(?P<tag></?[A-Za-z][\w:.-]{{0,60}}(?:\s[^<>]{{0,{_LONGEST_TAG}}})?/?>|<![A-Za-z][^<>]{{0,{_LONGEST_TAG}}}>)"
    r"|(?P<control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff\U000f0000-\U0010ffff]+)"
)
_KINDS: dict[str, Kind] = {
    "comment": "tag",
    "whole": "tag",
    "tag": "tag",
    "ticks": "code",
    "address": "address",
    "control": "control",
}
_CLOSING = {"$$": "$$", "\\[": "\\]"}
_MOST_OF_A_FORMULA = 1000  # characters between two dollar signs
_TRAILING = ".,;:!?'*_"
_PAIRS = {")": "(", "]": "[", "}": "{"}


def spans(text: str) -> tuple[Span, ...]:
    """In order, none in another."""
    blocks = sorted([*_fences(text)], key=lambda one: one.start)
    blocks = _merged(blocks, [*_tables(text), *_indented(text)])
    found: list[Span] = []
    at = 0
    for block in [*blocks, Span(len(text), len(text), "fence")]:
        found += _inline(text, at, block.start)
        found.append(block)
        at = block.end
    return tuple(found[:-1])


def _merged(kept: list[Span], others: Sequence[Span]) -> list[Span]:
    """With those of the others that touch none of what is kept."""
    for one in others:
        starts = [other.start for other in kept]
        at = bisect_right(starts, one.start)
        before_ends = at == 0 or kept[at - 1].end <= one.start
        if before_ends and (at == len(kept) or kept[at].start >= one.end):
            kept.insert(at, one)
    return kept


# -- blocks --------------------------------------------------------------------------------------------------------------


def _fences(text: str) -> Iterator[Span]:
    """From three backticks or tildes, wherever they stand, to the next such row; to the end of the text where there is none."""
    at, unclosed = 0, set[str]()
    while match := _FENCE.search(text, at):
        run = match[0].lstrip(" \t>")
        begin = match.end() - len(run)
        opens_line = bool(_LINE_START.match(_line_before(text, begin)))
        at = _fence_end(text, match.end(), rf"{run[0]}{{{len(run)},}}", unclosed, opens_line=opens_line)
        yield Span(begin, at, "fence", is_block=True)


def _fence_end(text: str, at: int, run: str, unclosed: set[str], *, opens_line: bool) -> int:
    """Who begins a line is closed by a line of its own, where there is one."""
    first = re.compile(run).search(text, at)
    if first is None:
        return len(text)
    if opens_line and run not in unclosed and "\n" in text[at : first.start()]:
        closing = re.compile(rf"\n[ \t>]*{run}[ \t]*(?=\r?\n|\Z)").search(text, at)
        if closing:
            return closing.end()
        unclosed.add(run)
    return first.end()


def _line_before(text: str, at: int) -> str:
    """Of the line that this stands in, what stands before, as far as anybody sets something in."""
    return text[max(0, at - _WIDEST_INDENT) : at].rpartition("\n")[2]


def _lines(text: str) -> list[tuple[int, str]]:
    found, at = [], 0
    for line in text.split("\n"):
        found.append((at, line))
        at += len(line) + 1
    return found


def _tables(text: str) -> Iterator[Span]:
    if "|" not in text or "-" not in text:
        return
    lines = _lines(text)
    number = 1
    while number < len(lines):
        header, row = lines[number - 1], lines[number]
        if "|" in header[1] and "|" in row[1] and _DELIMITER_ROW.match(row[1].rstrip("\r")):
            last = number
            while last + 1 < len(lines) and "|" in lines[last + 1][1]:
                last += 1
            yield Span(header[0], lines[last][0] + len(lines[last][1]), "table", is_block=True)
            number = last + 1
        number += 1


def _indented(text: str) -> Iterator[Span]:
    """Lines that are set in by four after an empty one, unless they go on with an item of a list."""
    if "    " not in text and "\t" not in text:
        return
    in_list, empty_before, begin, end = False, True, -1, -1
    for at, line in _lines(text):
        if not line.strip():
            empty_before = True
            continue
        if _INDENTED.match(line) and (begin >= 0 or (empty_before and not in_list)):
            begin, end = (begin if begin >= 0 else at), at + len(line)
        else:
            if begin >= 0:
                yield Span(begin, end, "code", is_block=True)
            begin = -1
            in_list = bool(_LIST_ITEM.match(line)) or (in_list and line[0] in " \t")
        empty_before = False
    if begin >= 0:
        yield Span(begin, end, "code", is_block=True)


# -- inline --------------------------------------------------------------------------------------------------------------


def _inline(text: str, start: int, end: int) -> Iterator[Span]:
    search = _Search(text, end)
    at = start
    while at < end and (match := _OPENING.search(text, at, end)):
        begin = match.start()
        found = _span(match, search)
        if found is None:
            at = begin + 1
            continue
        yield Span(begin, found[0], found[1], is_block=_is_block(text, begin, found[0]))
        at = found[0]


def _span(match: re.Match[str], search: "_Search") -> tuple[int, Kind] | None:
    """Where what begins here ends, and what it is."""
    opening = match.lastgroup if match.lastgroup != "name" else "whole"
    end = _end(opening or "", match, search)
    return None if end is None else (end, _KINDS.get(opening or "", "formula"))


def _end(opening: str, match: re.Match[str], search: "_Search") -> int | None:
    behind: int | None = match.end()
    match opening:
        case "comment":
            behind = search.after("-->", match.end())
        case "whole":
            behind = search.after(f"</{match['name']}>", match.end()) or behind
        case "display":
            behind = search.after(_CLOSING[match[0]], match.end())
        case "environment":
            behind = search.after(match[0].replace("begin", "end", 1), match.end()) or behind
        case "ticks":
            behind = search.ticks(match[0], match.end())
        case "paren" | "dollar":
            behind = search.formula(match[0], match.end())
        case "address":
            behind = match.start() + len(_trimmed(match[0]))
    return behind


def _trimmed(address: str) -> str:
    """Without what belongs to the sentence: its full stop, and a bracket that was not opened in it."""
    while address:
        last = address[-1]
        if last in _TRAILING or (last in _PAIRS and address.count(last) > address.count(_PAIRS[last])):
            address = address[:-1]
        else:
            break
    return address


def _is_block(text: str, start: int, end: int) -> bool:
    if "\n" in text[start:end]:
        return True
    behind = text[end : end + _WIDEST_INDENT].partition("\n")[0]
    return not (_line_before(text, start) + behind).strip(" \t\r")


class _Search:
    """For what ends, in one stretch of a text."""

    def __init__(self, text: str, end: int) -> None:
        self._text, self._end = text, end
        self._missing: dict[str, int] = {}  # from where on there is none

    def after(self, closing: str, at: int, *, most: int | None = None) -> int | None:
        if at >= self._missing.get(closing, self._end + 1):
            return None
        found = self._text.find(closing, at, self._end)
        if found < 0:
            self._missing[closing] = at
            return None
        return found + len(closing) if most is None or found - at <= most else None

    def ticks(self, run: str, at: int) -> int | None:
        """The next row of just as many backticks, in the same paragraph."""
        while (end := self.after(run, at)) is not None:
            begin = end - len(run)
            if self._breaks(at, begin):
                return None
            alone = self._text[begin - 1] != "`" and self._text[end : end + 1] != "`"
            if alone:
                return end if begin > at else None
            at = end
            while self._text[at : at + 1] == "`":
                at += 1
        return None

    def _breaks(self, start: int, end: int) -> bool:
        """Whether an empty line stands between."""
        return end - start > _LONGEST_CODE or bool(_EMPTY_LINE.search(self._text, start, end))

    def formula(self, opening: str, at: int) -> int | None:
        """Between dollars by pandoc's rule: no blank before the closing one and no letter or digit after it, all in one line."""
        if opening != "$":
            return self.after("\\)", at, most=_MOST_OF_A_FORMULA)
        line = self._text.find("\n", at, min(self._end, at + _MOST_OF_A_FORMULA))
        stop = line if line >= 0 else min(self._end, at + _MOST_OF_A_FORMULA)
        while (found := self._text.find("$", at, stop)) >= 0:
            before, behind = self._text[found - 1], self._text[found + 1 : found + 2]
            if before not in " \t\\" and not (behind.isalnum() or behind == "$"):
                return found + 1
            if before != "\\":
                return None
            at = found + 1
        return None
