"""A reply as it grows: passages that have closed, laid out once, and below them the open one, laid out anew each time.

Rows are counted when a passage comes and drawn when they are looked at, so a reply of two thousand lines costs as much to follow as a short one.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.ui.blocks import TooDeep, compose, table_parts
from kullm_tui.ui.markdown import parse
from kullm_tui.ui.parts import EMPTY, CodeLine, Columns, Line, Part, PlainText, Row
from kullm_tui.ui.passages import Passage, Splitter
from kullm_tui.ui.widgets.code import highlighted, label, lines

_LIVE = 4096  # characters of an open passage that are read as Markdown at every flush; a longer one shows its bare text until it closes
_COLOURED_AT_ONCE = 40  # lines of code in one piece; with more the colours wait for the end of the block
_MOST = 10_000  # passages that are laid out; what comes after them is shown as it is
_BLANK = Line(EMPTY)


class _CodeBlock:
    """A fence in the reply: where its lines lie among the parts."""

    def __init__(self, language: str, first: int) -> None:
        self.language = language
        self.first = first
        self.sources: list[str] = []

    def add(self, passage: Passage) -> None:
        if passage.joins:
            self.sources[-1] += passage.source
        else:
            self.sources.append(passage.source)

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
        self._closed = 0  # parts that stay; the open passage's stand behind them
        self._closed_height = 0
        self._fence: _CodeBlock | None = None
        self._colouring: deque[Iterator[None]] = deque()
        self._columns: Columns | None = None
        self._plain = False
        self._read_passages = 0

    @property
    def height(self) -> int:
        return self._height

    @property
    def is_busy(self) -> bool:
        return bool(self._colouring)

    @property
    def all_codes(self) -> list[str]:
        """Also the block that is being written."""
        return [*self.codes, self._fence.code] if self._fence else self.codes

    def feed(self, text: str) -> None:
        self._drop_open()
        run: list[Passage] = []  # lines of code come by the thousand and are laid out together
        for passage in self._splitter.feed(text):
            run = self._take(passage, run)
        self._code_lines(run)
        self._closed, self._closed_height = len(self._parts), self._height

    def close(self) -> None:
        self._drop_open()
        run: list[Passage] = []
        for passage in self._splitter.close():
            run = self._take(passage, run)
        self._code_lines(run)
        self._closed, self._closed_height = len(self._parts), self._height

    def show_open(self) -> None:
        """Puts what has begun and not closed behind what has."""
        self._drop_open()
        passage = self._splitter.open
        if passage is None:
            return
        if passage.kind == "code":
            assert self._fence
            self._append(lines(passage.source, "", EMPTY, joins=passage.joins))
        elif passage.kind == "plain" or len(passage.source) > _LIVE:
            self._append([_bare(passage)])
        else:
            columns = self._columns
            self._append(self._read(passage)[0])
            self._columns = columns

    def colour(self) -> bool:
        """One more piece of work that may wait; False: there is none."""
        while self._colouring:
            if next(self._colouring[0], True) is None:
                return True
            self._colouring.popleft()
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

    def _take(self, passage: Passage, run: list[Passage]) -> list[Passage]:
        if passage.kind == "code":
            return [*run, passage] if len(run) < _COLOURED_AT_ONCE else self._flushed(run, passage)
        self._code_lines(run)
        if passage.spaced and self._parts:
            self._append([_BLANK])
        if passage.kind == "fence":
            self._append([label(passage.source, EMPTY, len(self.codes))])
            self._fence = _CodeBlock(passage.source, len(self._parts))
        elif passage.kind == "end":
            self._end_code()
        elif passage.kind == "plain" or self._read_passages >= _MOST:
            self._add_plain(passage)
        else:
            parts, codes = self._read(passage)
            self._append(parts)
            self.codes += codes
            self._plain = False
            self._read_passages += 1
        return []

    def _flushed(self, run: list[Passage], passage: Passage) -> list[Passage]:
        self._code_lines(run)
        return [passage]

    def _code_lines(self, run: list[Passage]) -> None:
        if not run or self._fence is None:
            return
        for passage in run:
            self._fence.add(passage)
        if any(passage.joins for passage in run) or len(run) >= _COLOURED_AT_ONCE:
            for passage in run:
                self._append(lines(passage.source, "", EMPTY, joins=passage.joins))
        else:
            self._append(lines("\n".join(passage.source for passage in run), self._fence.language, EMPTY))

    def _end_code(self) -> None:
        block, self._fence = self._fence, None
        assert block
        self.codes.append(block.code)
        if block.language and block.sources:
            self._colouring.append(self._coloured(block, len(self._parts)))

    def _coloured(self, block: _CodeBlock, end: int) -> Iterator[None]:
        """A lexer that saw the lines in pieces may have taken a string for code; now it sees the whole."""
        shown = [part for part in self._parts[block.first : end] if isinstance(part, CodeLine)]
        if any(line.joins for line in shown):
            return  # it was too long for colours
        at = 0
        for some in highlighted(block.code, block.language):
            for line, content in zip(shown[at:], some, strict=False):
                line.content = content
            at += len(some)
            yield

    def _read(self, passage: Passage) -> tuple[list[Part], list[str]]:
        try:
            tokens = parse(passage.source)
            if passage.kind == "table" and tokens and tokens[0].type == "table_open":
                goes_on = self._columns if not passage.spaced else None
                self._columns, parts = table_parts(tokens, EMPTY, EMPTY, goes_on)
                return parts, []
            self._columns = None
            return compose(passage.source, tokens, number=passage.number, copy_index=len(self.codes))
        except TooDeep:
            return [
                _note(say("너무 깊이 중첩되어 그대로 보여요", "nested too deep, shown as it is")),
                _bare(passage),
            ], []

    def _add_plain(self, passage: Passage) -> None:
        if not self._plain:
            self._append(
                [_note(say("너무 길어 이 부분은 그대로 보여요", "too long to format, this part is shown as it is"))]
            )
        self._plain = True
        self._append([_bare(passage)])

    def _append(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._starts.append(self._height)
            self._parts.append(part)
            if self.width:
                self._height += part.measure(self.width)

    def _drop_open(self) -> None:
        del self._parts[self._closed :], self._starts[self._closed :]
        self._height = self._closed_height


def _bare(passage: Passage) -> PlainText:
    return PlainText(passage.source.expandtabs(4).split("\n"), passage.joins)


def _note(text: str) -> Line:
    return Line(Content.styled(text, ".reply--note"))
