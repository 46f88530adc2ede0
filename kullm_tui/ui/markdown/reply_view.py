"""One assistant's text on the screen: Markdown while it streams and after.

`append` takes what the model sends, as it comes; it is made terminal-safe here, with memory across pieces. The reply draws its own rows instead of
mounting a widget for each block: a list of two thousand lines stays one widget.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from kullm_tui.core.text import TerminalSafeStream, nfc, terminal_safe
from kullm_tui.ui.markdown.document import Document
from kullm_tui.ui.markdown.layout import Row
from kullm_tui.ui.markdown.paint_schedule import FlushBudget

_SURROGATES = re.compile("[\ud800-\udfff]")
_AT_FIRST = 0.05  # seconds of work before a reply that is whole is shown; a longer one grows below
_AT_ONCE = 0.012  # seconds of work between two looks of the event loop
_LOOK_AGAIN = 0.001  # seconds, for a lexer that is being loaded
_BITE = 2048  # characters read between two looks at the clock


class Reply(Widget):
    """`append` while it streams, `finish` when it has ended; or the whole text at once."""

    DEFAULT_CSS = """
    Reply {
        height: auto;
        width: 1fr;
        & > .reply--strong { text-style: bold; }
        & > .reply--em { text-style: italic; }
        & > .reply--strike { text-style: strike; }
        & > .reply--link { text-style: underline; color: $text-accent; }
        & > .reply--target, & > .reply--image, & > .reply--note { color: $foreground 60%; }
        & > .reply--note { text-style: italic; }
        & > .reply--code { color: $text-warning; }
        & > .reply--h1 { color: $text-accent; text-style: bold underline; }
        & > .reply--h2 { color: $text-accent; text-style: bold; }
        & > .reply--h3, & > .reply--h4, & > .reply--h5, & > .reply--h6, & > .reply--header { text-style: bold; }
        & > .reply--bullet, & > .reply--quote { color: $text-accent; }
        & > .reply--rule { color: $foreground 30%; }
        & > .reply--block { background: $surface; }
        & > .reply--label, & > .reply--copy { color: $foreground 60%; }
        & > .reply--keyword { color: $text-accent; }
        & > .reply--string { color: $text-success; }
        & > .reply--number { color: $text-warning; }
        & > .reply--comment { color: $foreground 60%; text-style: italic; }
        & > .reply--name { color: $text-primary; }
        &:ansi > .reply--block { background: ansi_default; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"reply--{part}"
        for part in (
            *("strong", "em", "strike", "link", "target", "image", "note", "code", "header", "bullet", "quote", "rule"),
            *(
                "h1",
                "h2",
                "h3",
                "h4",
                "h5",
                "h6",
                "block",
                "label",
                "copy",
                "keyword",
                "string",
                "number",
                "comment",
                "name",
            ),
        )
    }

    @dataclass
    class CopyRequested(Message):
        """Someone clicked on the label of a block of code."""

        reply: "Reply"
        text: str

        @property
        def control(self) -> "Reply":
            return self.reply

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._document = Document()
        self._safe = TerminalSafeStream()
        self._raw: list[str] = []
        self._pieces: list[str] = []  # safe
        self._waiting: deque[str] = deque()
        self._floor = 0  # the height never shrinks while the reply streams
        self._ended = bool(text)
        self._budget: FlushBudget | None = None
        if text:
            self._start(nfc(_whole(terminal_safe(text))))
            self._work(_AT_FIRST)

    @property
    def text(self) -> str:
        """Everything so far, without anything a terminal would obey; NFC once the reply has ended."""
        self._take_in()
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def append(self, piece: str) -> None:
        """Raw text of the stream; shown when the budget of the screen's time allows."""
        self._raw.append(piece)
        if self._budget is not None:
            self._budget.ask(self)

    def begin_anew(self) -> None:
        """What was shown was no part of the reply."""
        self._raw.clear()
        self._start("")
        self._floor = 0
        self.refresh(layout=True)

    async def finish(self, text: str | None = None) -> None:
        """Shows all of it. `text` is what the reply is in the end, where that may differ from what streamed."""
        if self._budget is not None:
            self._budget.forget(self)  # one last look instead of many on the way
        self._take_in(last=True)
        final = nfc(_whole(terminal_safe(text))) if text is not None else nfc(self.text)
        if final != self.text:
            self._start(final)
        self._ended = True
        while self._work(_AT_ONCE):
            await asyncio.sleep(0 if self._waiting else _LOOK_AGAIN)
        self._floor = 0
        self.refresh(layout=True)

    def code_blocks(self) -> list[str]:
        return list(self._document.all_codes)

    def action_copy_code(self, index: int) -> None:
        blocks = self.code_blocks()
        if index < len(blocks):
            self.post_message(self.CopyRequested(self, blocks[index]))

    def flush(self) -> bool:
        """For the budget: reads what has come, as far as the time goes."""
        height = self._document.height
        more = self._work(_AT_ONCE)
        self._document.show_open()
        self._floor = max(self._floor, self._document.height)
        self.refresh(layout=self._document.height != height)
        return more

    @property
    def is_busy(self) -> bool:
        """Something of what has come is not on the screen yet, or not in its colours."""
        return bool(self._raw or self._waiting) or self._document.is_busy

    def painted(self, then: Callable[[], None]) -> bool:
        return self.call_after_refresh(then)

    @property
    def is_watched(self) -> bool:
        """The reader sees where the reply grows; one that was whole from the start shows itself at once."""
        if self._ended:
            return True
        if not self.is_on_screen and self.region:
            return False
        return all(
            self.region.bottom <= around.region.bottom + 1
            for around in self.ancestors
            if isinstance(around, Widget) and around.is_scrollable and around.max_scroll_y
        )

    @property
    def is_foremost(self) -> bool:
        focused = self.screen.focused
        return focused is not None and any(around is self.parent for around in focused.ancestors_with_self)

    def on_mount(self) -> None:
        self._budget = FlushBudget.of(self.app)
        if self.is_busy:
            self._budget.ask(self)

    def on_unmount(self) -> None:
        if self._budget is not None:
            self._budget.forget(self)

    def get_content_width(self, container: Size, _viewport: Size) -> int:
        return container.width

    def get_content_height(self, _container: Size, _viewport: Size, width: int) -> int:
        if width <= 0:
            return 0
        if width != self._document.width:
            self._document.at_width(width)
            self._floor = 0
        return max(self._document.height, self._floor)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        row = self._document.row(y)
        if row is None:
            return Strip.blank(width, self.rich_style)
        base = self.visual_style
        if row.fill:
            base += self.get_visual_style(row.fill, partial=True)
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        content = row.lead + row.body
        if span is not None:
            start, end = span
            content = content.stylize(
                self.screen.get_visual_style("screen--selection"), start, len(content) if end == -1 else end
            )
        rendered = content.render(base, end="", parse_style=self._get_style)
        strip = Strip([Segment(text, style.rich_style) for text, style in rendered if text])
        return strip.adjust_cell_length(width, base.rich_style).apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self._document.height - 1
        found: list[str] = []
        for y, row in enumerate(self._document.rows(first, last), max(0, first)):
            if row.copies == "nothing":
                continue
            piece = _selected(row, selection.get_span(y))
            if found and row.soft is not None:
                found[-1] += row.soft + piece
            else:
                found.append(piece)
        return "\n".join(found), "\n"

    def _start(self, text: str) -> None:
        """Begins anew with this text waiting."""
        self._document = Document(self._document.width)
        self._safe = TerminalSafeStream()
        self._pieces = [text]
        self._waiting = deque(self._pieces)

    def _work(self, seconds: float) -> bool:
        """Reads what waits; True: the time was up before all of it was read."""
        until = time.monotonic() + seconds
        self._take_in()
        while self._waiting:
            bite = self._bite()
            self._document.feed(bite, more=bool(self._waiting))
            if time.monotonic() > until:
                return True
        if self._ended:
            self._document.close()
        while self._document.colour():
            if time.monotonic() > until:
                return True
        return self._document.is_busy

    def _take_in(self, *, last: bool = False) -> None:
        """Raw text is made safe in one go for all the pieces since the last look."""
        raw = "".join(self._raw)
        self._raw.clear()
        safe = _whole(self._safe.feed(raw) + (self._safe.close() if last else ""))
        if safe:
            self._pieces.append(safe)
            self._waiting.append(safe)

    def _bite(self) -> str:
        bite = self._waiting.popleft()
        while self._waiting and len(bite) < _BITE:
            bite += self._waiting.popleft()
        if len(bite) > _BITE:
            self._waiting.appendleft(bite[_BITE:])
        return bite[:_BITE]


def _whole(text: str) -> str:
    """Half a character cannot be written to a terminal."""
    return _SURROGATES.sub("\ufffd", text)


def _selected(row: Row, span: tuple[int, int] | None) -> str:
    if span is None:
        return ""
    start, end = span
    text = row.plain
    end = len(text) if end == -1 else end
    if row.copies == "body":
        start = max(start, len(row.lead))
    return text[start:end].rstrip()
