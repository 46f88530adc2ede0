"""From Markdown's tokens to the parts on the screen: nesting becomes what stands before each line.

Markdown can write any character by its number (`&#x202e;`), so words that came from an `&` are made terminal-safe once more here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from textual.content import Content, Span

from kullm_tui.core.text import terminal_safe
from kullm_tui.ui.markdown.code_block import Block, block, label
from kullm_tui.ui.markdown.layout import EMPTY, Align, Bar, Columns, Line, Part, TableRow

if TYPE_CHECKING:
    from markdown_it.token import Token

_BULLETS = ("•", "◦", "▪")
_TASK = re.compile(r"\[([ xX])\] ")
_SPACES = re.compile(r"\s+")
_SPAN_STYLES = {
    "strong_open": ".reply--strong",
    "em_open": ".reply--em",
    "s_open": ".reply--strike",
    "link_open": ".reply--link",
}
_QUOTE_BAR = "▎ "


class TooDeep(Exception):
    """Markdown would leave text out below this depth."""


@dataclass
class _Room:
    """One container around a line: its mark stands before the first line and leaves its width to the others."""

    first: Content
    rest: Content
    used: bool = False

    def lead(self) -> Content:
        self.used, was_used = True, self.used
        return self.rest if was_used else self.first


class _Composer:
    def __init__(self, source: str, number: int | None, copy_index: int) -> None:
        self.codes: list[Block] = []
        self._source = source.split("\n")
        self._number = number
        self._copy_index = copy_index
        self._rooms: list[_Room] = []
        self._lists: list[int | None] = []  # the next number of each list we are in; None: bullets
        self._shown = False
        self._heading = ""

    def parts(self, tokens: Sequence[Token]) -> Iterator[Part]:
        from kullm_tui.ui.markdown.parser import MAX_NESTING  # late: the app is ready to type before it needs a parser

        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.level >= MAX_NESTING - 1:
                raise TooDeep
            if token.type == "table_open":
                end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
                yield from self._gap(token)
                yield from table_parts(tokens[index:end], self._lead(), self._hang())[1]
                index = end
            else:
                yield from self._part(token)
            index += 1

    def _part(self, token: Token) -> Iterator[Part]:
        if token.type == "inline":
            yield from self._gap(token)
            yield from self._prose(token)
        elif token.type in ("fence", "code_block"):
            yield from self._gap(token)
            yield from self._code(token)
        elif token.type == "hr":
            yield from self._gap(token)
            yield Bar(self._lead(), line="─")
        elif token.type == "heading_open":
            self._heading = f".reply--{token.tag}"
        elif token.type == "heading_close":
            self._heading = ""
        else:
            yield from self._container(token)

    def _container(self, token: Token) -> Iterator[Part]:
        kind = token.type
        if kind == "blockquote_open":
            bar = Content.styled(_QUOTE_BAR, ".reply--quote")
            self._rooms.append(_Room(bar, bar))
        elif kind == "bullet_list_open":
            self._lists.append(None)
        elif kind == "ordered_list_open":
            outermost = not self._lists and self._number is not None
            self._lists.append(self._number if outermost else int(token.attrGet("start") or 1) if token.attrs else 1)
        elif kind == "list_item_open":
            yield from self._gap(token)
            self._rooms.append(self._item())
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
        elif kind in ("list_item_close", "blockquote_close"):
            if not self._rooms[-1].used:
                yield Line(EMPTY, self._lead())
            self._rooms.pop()

    def _item(self) -> _Room:
        number = self._lists[-1]
        if number is not None:
            self._lists[-1] = number + 1
        return _Room(*_mark(number, len(self._lists)))

    def _gap(self, token: Token) -> Iterator[Part]:
        """An empty row where the source has one."""
        fresh = bool(self._rooms) and not self._rooms[-1].used  # the container has already had its gap
        begin = token.map[0] if token.map else 0
        if self._shown and not fresh and begin and not self._source[begin - 1].strip(" \t>"):
            yield Line(EMPTY, self._hang())
        self._shown = True

    def _prose(self, token: Token) -> Iterator[Part]:
        content = inline(token)
        if self._lists and self._rooms and not self._rooms[-1].used:
            content = _with_box(content)
        if self._heading:
            content = content.stylize_before(self._heading)
        for line in content.split("\n", allow_blank=True):
            yield Line(line, self._lead(), self._hang())

    def _code(self, token: Token) -> Iterator[Part]:
        code = terminal_safe(token.content).rstrip("\n")
        language = terminal_safe(token.info).strip() if token.type == "fence" else ""
        yield label(language, self._lead(), self._copy_index + len(self.codes))
        self.codes.append(block(code, language, self._hang()))
        yield from self.codes[-1].lines

    def _lead(self) -> Content:
        return _joined([room.lead() for room in self._rooms])

    def _hang(self) -> Content:
        return _joined([room.rest for room in self._rooms])


def _joined(contents: list[Content]) -> Content:
    return contents[0] if len(contents) == 1 else EMPTY.join(contents)


def compose(
    source: str, tokens: Sequence[Token], *, number: int | None, copy_index: int
) -> tuple[list[Part], list[Block]]:
    """The parts of one fragment, and the code that stands in it; its first block is the reply's `copy_index`-th."""
    composer = _Composer(source, number, copy_index)
    parts = list(composer.parts(tokens))
    return parts, composer.codes


def one_line(words: str, number: int | None, *, item: bool) -> Line:
    """What `compose` makes of a paragraph or an item in one line, without asking what block it is: most lines are that."""
    from kullm_tui.ui.markdown.parser import parse_words  # late, as above

    content = inline(parse_words(words))
    if not item:
        return Line(content)
    return Line(_with_box(content), *_mark(number, 1))


@lru_cache(4096)
def _mark(number: int | None, depth: int) -> tuple[Content, Content]:
    """What stands before the first line of an item, and before the others."""
    mark = _BULLETS[(depth - 1) % len(_BULLETS)] if number is None else f"{number}."
    return Content.styled(f"{mark} ", ".reply--bullet"), Content(" " * (len(mark) + 1))


def _with_box(content: Content) -> Content:
    task = _TASK.match(content.plain)
    if not task:
        return content
    return Content.styled("☐ " if task[1] == " " else "☑ ", ".reply--bullet") + content[task.end() :]


def table_parts(
    tokens: Sequence[Token], lead: Content, hang: Content, columns: Columns | None = None
) -> tuple[Columns, list[Part]]:
    """With `columns` the table goes on: its header has been shown."""
    rows: list[list[Content]] = []
    aligns: list[Align] = []
    for index, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(inline(tokens[index + 1]))
            if token.type == "th_open":
                aligns.append(_align(token))
    headers = [cell.stylize_before(".reply--header") for cell in rows[0]]
    body = [row for row in rows[1:] if row]
    goes_on = columns is not None
    columns = columns or Columns([headers, *body])
    parts: list[Part] = [] if goes_on else [TableRow(headers, headers, aligns, columns, lead, ruled=True)]
    return columns, [*parts, *(TableRow(row, headers, aligns, columns, hang) for row in body)]


def inline(token: Token) -> Content:
    """Words with their styles; the address of a link stands behind its words."""
    words = _Words()
    for child in token.children or []:
        words.add_token(child)
    content = Content("".join(words.texts), spans=words.spans)
    if "&" in token.content and content.plain != terminal_safe(content.plain):
        return Content(terminal_safe(content.plain))
    return content


class _Words:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.spans: list[Span] = []
        self._length = 0
        self._opened: list[tuple[str, int, str]] = []

    def add_token(self, token: Token) -> None:
        kind = token.type
        if kind in ("text", "text_special"):
            self._add(_SPACES.sub(" ", token.content))
        elif kind in _SPAN_STYLES:
            self._opened.append((_SPAN_STYLES[kind], self._length, str(token.attrGet("href") or "")))
        elif kind.endswith("_close"):
            self._close()
        elif kind == "code_inline":
            self._add(token.content, ".reply--code")
        elif kind in ("hardbreak", "softbreak"):
            self._add("\n")  # models end a line where they want it to end
        elif kind == "image":
            self._add(token.content or str(token.attrGet("src") or ""), ".reply--image")
        else:
            self._add(token.content)

    def _close(self) -> None:
        style, start, address = self._opened.pop()
        self.spans.append(Span(start, self._length, style))
        words = "".join(self.texts)[start:] if address else ""
        if address and address not in (words, f"mailto:{words}"):
            self._add(f" ({address})", ".reply--target")

    def _add(self, text: str, style: str = "") -> None:
        text = text.replace("\t", " ")  # a terminal would jump, and the row's cells be miscounted
        if style:
            self.spans.append(Span(self._length, self._length + len(text), style))
        self.texts.append(text)
        self._length += len(text)


def _align(token: Token) -> Align:
    style = str(token.attrGet("style") or "")
    return "right" if "right" in style else "center" if "center" in style else "left"
