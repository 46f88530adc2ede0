"""How replies to one question are shown while they arrive: side by side on a wide terminal, else one below the other.

Side by side nothing is drawn twice: a row is written once every column has a whole one.
"""

import shutil
import sys
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from kullm_tui.commands.cli.columns import cells
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.asking.live_reply import Reading
from kullm_tui.core.compare.runner import Lane, Round
from kullm_tui.core.endpoints.endpoint import Finished
from kullm_tui.core.language import say
from kullm_tui.core.text import TerminalSafeStream, safe_line, terminal_safe
from kullm_tui.core.times import seconds
from kullm_tui.ui.conversation.text import speed

_NARROWEST = 32  # cells of a column that can be read
_RULE, _BETWEEN = "─┼─", " │ "


class View(Protocol):
    def draw(self, one: Round) -> None:
        """What is new since the last time; all of it once the round is over."""

    def close(self, one: Round) -> None:
        """The round is left, also in its middle."""


def view_for(count: int, narration: Narration, *, together: bool, blind: bool) -> "View":
    """Those that take turns are not held back for a row of all."""
    width = shutil.get_terminal_size().columns - 1  # a row that fills the line may leave an empty one behind
    column = (width - len(_BETWEEN) * (count - 1)) // count
    if together and sys.stdout.isatty() and column >= _NARROWEST:
        return SideBySide(column, narration, blind=blind)
    return OneBelowTheOther(narration, blind=blind)


def name_of(one: Round, place: int, *, blind: bool) -> str:
    return "ABCD"[place] if blind else safe_line(one.lanes[place].contestant.label)


def finished_of(lane: Lane) -> Finished:
    return (lane.reply and lane.reply.finished) or Finished("")


def facts_of(lane: Lane) -> str:
    """`86자 · 0.4초 · 42토큰 · 31 tok/s`, as far as it is known."""
    finished = finished_of(lane)
    timings, tokens = finished.timings, finished.usage.completion_tokens
    total, rate = timings.get("client_total_ms"), speed(timings, tokens)
    parts = [
        say("중단됨", "stopped") if lane.state == "cancelled" else "",
        say(f"{len(lane.text):,}자", f"{len(lane.text):,} characters"),
        seconds(total / 1000) if total is not None else "",
        say(f"{tokens:,}토큰", f"{tokens:,} tokens") if tokens else "",
        f"{rate:,.0f} tok/s" if rate else "",
        say("길이 한도에서 멈춤", "cut at the length limit") if finished.reason == "length" else "",
    ]
    return " · ".join(part for part in parts if part)


def _end_of(lane: Lane) -> str:
    """What stands below the reply."""
    return terminal_safe(f"! {lane.error}") if lane.error else f"({facts_of(lane)})"


def _standing(one: Round, *, blind: bool) -> str:
    """Where each contestant is, in one line."""
    return "   ".join(
        f"{name_of(one, place, blind=blind)} {_standing_of(lane)}"
        for place, lane in enumerate(one.lanes)
        if not lane.state
    )


def _standing_of(lane: Lane) -> str:
    if lane.text:
        return say(f"{len(lane.text):,}자", f"{len(lane.text):,} characters")
    if lane.reply and lane.reply.is_thinking:
        return say("생각하는 중", "thinking")
    return (lane.reply and lane.reply.waiting) or say("기다리는 중", "waiting")


class _Rest:
    """What of a reply was not written yet. What a terminal has taken cannot be taken back: sorted anew, it is written once more."""

    def __init__(self) -> None:
        self._reading, self._safe = Reading(), TerminalSafeStream()

    def of(self, lane: Lane) -> str:
        if lane.reply is None:
            return ""
        _, news = self._reading.news(lane.reply)
        return self._safe.feed(news)

    def close(self) -> str:
        return self._safe.close()


class OneBelowTheOther:
    """In the order of their turns: the first that has not ended is shown as it arrives, the others wait below it."""

    def __init__(self, narration: Narration, *, blind: bool) -> None:
        self._narration = narration
        self._blind = blind
        self._turn = -1  # of the lane that is being written
        self._lane: Lane | None = None
        self._rest = _Rest()
        self._last = "\n"

    def draw(self, one: Round) -> None:
        places = sorted(range(len(one.lanes)), key=lambda place: one.lanes[place].wave)
        while places and self._turn < len(places):
            if self._turn >= 0 and not self._has_ended(one, one.lanes[places[self._turn]]):
                return
            self._turn += 1
            self._rest = _Rest()
            if self._turn < len(places):
                self._lane = one.lanes[places[self._turn]]
                self._write(f"── {name_of(one, places[self._turn], blind=self._blind)}\n")

    def _has_ended(self, one: Round, lane: Lane) -> bool:
        """Whether the lane is written to its end; if not, what is there is written."""
        self._write(self._rest.of(lane))
        if lane.state:
            self._end(lane)
        elif not lane.text:
            self._narration.progress(_standing(one, blind=self._blind))
        return lane.state is not None

    def close(self, one: Round) -> None:
        self._narration.clear()
        if 0 <= self._turn < len(one.lanes) and self._lane:
            self._end(self._lane)
        self._turn = -1

    def _end(self, lane: Lane) -> None:
        self._write(self._rest.close())
        self._finish_line()
        self._write(f"{_end_of(lane)}\n\n")

    def _finish_line(self) -> None:
        if self._last != "\n":
            self._write("\n")

    def _write(self, text: str) -> None:
        if text:
            self._narration.clear()
            sys.stdout.write(text)
            sys.stdout.flush()
            self._last = text[-1]


class SideBySide:
    def __init__(self, width: int, narration: Narration, *, blind: bool) -> None:
        self._width = width
        self._narration = narration
        self._blind = blind
        self._columns: list[_Column] = []

    def draw(self, one: Round) -> None:
        if one.lanes and not self._columns:
            self._columns = [_Column(self._width) for _ in one.lanes]
            names = [name_of(one, place, blind=self._blind) for place in range(len(one.lanes))]
            self._write([_cut(name, self._width) for name in names])
            self._narration.clear()
            print(_RULE.join("─" * self._width for _ in names))
        for column, lane in zip(self._columns, one.lanes, strict=True):
            column.take(lane)
        self._write_rows()
        if not one.is_over:
            self._narration.progress(_cut(_standing(one, blind=self._blind), shutil.get_terminal_size().columns - 1))

    def close(self, one: Round) -> None:
        for column, lane in zip(self._columns, one.lanes, strict=False):  # it may be left before anything was drawn
            column.take(lane)
            column.end(lane)
        self._write_rows()
        self._narration.clear()
        if self._columns:
            print(flush=True)
        self._columns = []

    def _write_rows(self) -> None:
        while any(column.rows for column in self._columns) and all(
            column.rows or column.has_ended for column in self._columns
        ):
            self._write([column.rows.popleft() if column.rows else "" for column in self._columns])

    def _write(self, texts: Sequence[str]) -> None:
        self._narration.clear()
        padded = [text + " " * (self._width - cells(text)) for text in texts]
        print(_BETWEEN.join(padded).rstrip(), flush=True)


class _Column:
    """One reply, broken into rows of at most so many cells; a row is whole when nothing can be added to it."""

    def __init__(self, width: int) -> None:
        self.rows: deque[str] = deque()
        self.has_ended = False
        self._width = width
        self._rest = _Rest()
        self._open = ""

    def take(self, lane: Lane) -> None:
        if self.has_ended:
            return
        self._add(self._rest.of(lane))
        if lane.state:
            self.end(lane)

    def end(self, lane: Lane) -> None:
        if self.has_ended:
            return
        self.has_ended = True
        self._add(self._rest.close())
        if self._open:
            self._add("\n")
        self._add(f"{_end_of(lane)}\n")

    def _add(self, text: str) -> None:
        for character in text.expandtabs(4):
            if character == "\n":
                self.rows.append(self._open)
                self._open = ""
                continue
            self._open += character
            if cells(self._open) > self._width:
                self._break()

    def _break(self) -> None:
        """At the last blank where there is one, else before the letter that is too much."""
        head, blank, tail = self._open.rpartition(" ")
        if not (blank and head.strip()):
            head, tail = self._open[:-1], self._open[-1]
        self.rows.append(head)
        self._open = tail


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return f"{text}…"
