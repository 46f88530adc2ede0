"""A reply as it grows: fragments that have closed, laid out once, and below them the open one, laid out anew each time.

Rows are counted when a fragment comes and drawn when they are looked at, so a reply of two thousand lines costs as much to follow as a short one.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.ui.markdown.code_block import Block, block, label
from kullm_tui.ui.markdown.compose import TooDeep, compose, one_line, table_parts
from kullm_tui.ui.markdown.layout import EMPTY, CodeLine, Columns, Line, Part, PlainText, Row
from kullm_tui.ui.markdown.line_syntax import bare_words
from kullm_tui.ui.markdown.splitter import Fragment, Splitter

_LIVE = 4096  # characters of an open fragment that are read as Markdown at every flush; a longer one shows its bare text until it closes
_COLOURED_AT_ONCE = 40  # lines of code in one piece; with more the colours wait for the end of the block
_MOST = 10_000  # fragments that are laid out; what comes after them is shown as it is
_BLANK = Line(EMPTY)


class _Fence:
    """A block of code that is being written."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.lines: list[CodeLine] = []
        self.sources: list[str] = []

    def add(self, fragment: Fragment) -> None:
        if fragment.joins:
            self.sources[-1] += fragment.source
        else:
            self.sources.append(fragment.source)

    @property
    def code(self) -> str:
        return "\n".join(self.sources)


class Document:
    def __init__(self, width: int = 0) -> None:
        self.width = width
        self.codes: list[str] = []  # of the blocks that have closed
        self._splitter = Splitter()
        self._parts: list[Part] = []
        self._starts: list[int] = []  # the first row of each part
        self._height = 0
        self._closed = 0  # parts that stay; the open fragment's stand behind them
        self._closed_height = 0
        self._fence: _Fence | None = None
        self._uncoloured: deque[Block] = deque()
        self._colouring: Iterator[None] | None = None
        self._columns: Columns | None = None
        self._plain = False
        self._hurried = False
        self._read_fragments = 0

    @property
    def height(self) -> int:
        return self._height

    @property
    def is_busy(self) -> bool:
        return bool(self._uncoloured)

    @property
    def all_codes(self) -> list[str]:
        """Also the block that is being written."""
        return [*self.codes, self._fence.code] if self._fence else self.codes

    def feed(self, text: str, *, more: bool = False) -> None:
        """With `more` waiting behind it, code is not coloured before its block has closed."""
        self._drop_open()
        self._hurried = more
        run: list[Fragment] = []  # lines of code come by the thousand and are laid out together
        for fragment in self._splitter.feed(text):
            run = self._take(fragment, run)
        self._code_lines(run)
        self._closed, self._closed_height = len(self._parts), self._height

    def close(self) -> None:
        self._drop_open()
        run: list[Fragment] = []
        for fragment in self._splitter.close():
            run = self._take(fragment, run)
        self._code_lines(run)
        self._closed, self._closed_height = len(self._parts), self._height

    def show_open(self) -> None:
        """Puts what has begun and not closed behind what has."""
        self._drop_open()
        fragment = self._splitter.open
        if fragment is None:
            return
        if fragment.kind == "code":
            assert self._fence
            self._append(block(fragment.source, "", EMPTY, joins=fragment.joins).lines)
        elif fragment.kind == "plain" or len(fragment.source) > _LIVE:
            self._append([_bare(fragment)])
        else:
            columns = self._columns
            parts, blocks = self._read(fragment)
            for code in blocks:
                _colour_now(code)
            self._append(parts)
            self._columns = columns

    def colour(self) -> bool:
        """One more piece of work that may wait; False: there is none, or its lexer is not here yet."""
        while self._uncoloured and not self._uncoloured[0].wait():
            self._colouring = self._colouring or self._uncoloured[0].colour()
            if next(self._colouring, True) is None:
                return True
            self._colouring = None
            self._uncoloured.popleft()
        return False

    def at_width(self, width: int) -> None:
        if width != self.width:
            self.width = width
            parts, self._parts = self._parts, []
            closed = self._closed
            self._starts, self._height = [], 0
            self._append(parts[:closed])
            self._closed_height = self._height
            self._append(parts[closed:])

    def row(self, y: int) -> Row | None:
        if not 0 <= y < self._height:
            return None
        index = bisect_right(self._starts, y) - 1
        return self._parts[index].row(y - self._starts[index])

    def rows(self, first: int, last: int) -> Iterator[Row]:
        for y in range(max(0, first), min(last + 1, self._height)):
            row = self.row(y)
            assert row
            yield row

    def _take(self, fragment: Fragment, run: list[Fragment]) -> list[Fragment]:
        if fragment.kind == "code":
            return [*run, fragment] if len(run) < _COLOURED_AT_ONCE else self._flushed(run, fragment)
        self._code_lines(run)
        if fragment.spaced and self._parts:
            self._append([_BLANK])
        if fragment.kind == "fence":
            self._append([label(fragment.source, EMPTY, len(self.codes))])
            self._fence = _Fence(fragment.source)
        elif fragment.kind == "end":
            self._end_code()
        elif fragment.kind == "plain" or self._read_fragments >= _MOST:
            self._add_plain(fragment)
        else:
            parts, blocks = self._read(fragment)
            self._append(parts)
            self.codes += [code.code for code in blocks]
            self._uncoloured += [code for code in blocks if code.language]
            self._plain = False
            self._read_fragments += 1
        return []

    def _flushed(self, run: list[Fragment], fragment: Fragment) -> list[Fragment]:
        self._code_lines(run)
        return [fragment]

    def _code_lines(self, run: list[Fragment]) -> None:
        if not run or self._fence is None:
            return
        for fragment in run:
            self._fence.add(fragment)
        if any(fragment.joins for fragment in run):
            found = [line for fragment in run for line in block(fragment.source, "", EMPTY, joins=fragment.joins).lines]
        else:
            code = block("\n".join(fragment.source for fragment in run), self._fence.language, EMPTY)
            if not self._hurried and len(run) < _COLOURED_AT_ONCE:
                _colour_now(code)
            found = list(code.lines)
        self._fence.lines += found
        self._append(found)

    def _end_code(self) -> None:
        """A lexer that saw the lines in pieces may have taken a string for code; now it sees the whole."""
        fence, self._fence = self._fence, None
        assert fence
        self.codes.append(fence.code)
        if fence.language and fence.lines:
            self._uncoloured.append(Block(fence.code, fence.language, fence.lines))

    def _read(self, fragment: Fragment) -> tuple[list[Part], list[Block]]:
        item = fragment.kind == "item"
        words = bare_words(fragment.source, item=item) if item or fragment.kind == "text" else None
        if words is not None:
            self._columns = None
            return [one_line(words, fragment.number, item=item)], []
        try:
            from kullm_tui.ui.markdown.parser import parse  # late: the app is ready to type before it needs a parser

            tokens = parse(fragment.source)
            if fragment.kind == "table" and tokens and tokens[0].type == "table_open":
                goes_on = self._columns if not fragment.spaced else None
                self._columns, parts = table_parts(tokens, EMPTY, EMPTY, goes_on)
                return parts, []
            self._columns = None
            return compose(fragment.source, tokens, number=fragment.number, copy_index=len(self.codes))
        except TooDeep:
            return [
                _note(say("너무 깊이 중첩되어 그대로 보여요", "nested too deep, shown as it is")),
                _bare(fragment),
            ], []

    def _add_plain(self, fragment: Fragment) -> None:
        if not self._plain:
            self._append(
                [_note(say("너무 길어 이 부분은 그대로 보여요", "too long to format, this part is shown as it is"))]
            )
        self._plain = True
        self._append([_bare(fragment)])

    def _append(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._starts.append(self._height)
            self._parts.append(part)
            if self.width:
                self._height += part.measure(self.width)

    def _drop_open(self) -> None:
        del self._parts[self._closed :], self._starts[self._closed :]
        self._height = self._closed_height


def _colour_now(code: Block) -> None:
    if not code.wait():
        for _ in code.colour():
            pass


def _bare(fragment: Fragment) -> PlainText:
    return PlainText(fragment.source.expandtabs(4).split("\n"), fragment.joins)


def _note(text: str) -> Line:
    return Line(Content.styled(text, ".reply--note"))
