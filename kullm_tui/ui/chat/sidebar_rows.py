"""The rows of the list of conversations: headings by day, titles with their marks, hits with what was found in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.ui.conversation.text import period
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.row_list import Heading, Row

if TYPE_CHECKING:
    from kullm_tui.core.store.history import Conversation, Hit


@dataclass(frozen=True)
class Entry:
    conversation: Conversation
    mark: str = " "  # ● answering now, ○ answered while nobody looked, ▌ on the screen
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        pin = "★ " if self.conversation.pinned else ""
        title = plain(f"{pin}{self.conversation.title}").truncate(width - 2, ellipsis=True)
        return Content.assemble((self.mark, "$accent"), title)


@dataclass(frozen=True)
class Found:
    hit: Hit
    height: int = 2
    choosable: bool = True

    @property
    def conversation(self) -> Conversation:
        return self.hit.conversation

    def draw(self, line: int, width: int, /) -> Content:
        if line == 0:
            return Content.assemble(" ", plain(self.hit.conversation.title).truncate(width - 2, ellipsis=True))
        return Content.assemble(("   ", ""), _around(self.hit, width - 4).stylize("$quiet"))


def listed(conversations: Callable[[], Iterable[Conversation]], mark_of: Callable[[int], str]) -> list[Row]:
    """Blocks on the disk: ten thousand conversations under their headings."""
    rows, last = list[Row](), ""
    heading_of = _Periods()
    for conversation in conversations():
        heading = say("고정", "Pinned") if conversation.pinned else heading_of[_day(conversation.updated)]
        if heading != last:
            rows.append(Heading(f" {heading}"))
            last = heading
        rows.append(Entry(conversation, mark_of(conversation.id)))
    return rows or [Heading(say(" 아직 대화가 없어요", " no conversations yet"))]


class _Periods(dict[date, str]):
    """Each day's heading, said once."""

    def __init__(self) -> None:
        self._today = _day(time.time())

    def __missing__(self, day: date) -> str:
        self[day] = period(day, self._today)
        return self[day]


def _day(when: float) -> date:
    return datetime.fromtimestamp(when).date()


def _around(hit: Hit, width: int) -> Content:
    """The excerpt with what was found marked, cut so that the mark is in sight."""
    text, start, end = hit.excerpt, hit.start, hit.end
    before = " ".join(terminal_safe(text[:start]).split())
    while before and cell_len(before) > max(0, width // 3):
        before = before[max(1, len(before) // 8) :]
    lead = f"…{before}" if len(before) < start else before
    gap = " " if text[:start][-1:].isspace() and lead else ""
    found = " ".join(terminal_safe(text[start:end]).split())
    rest = " ".join(terminal_safe(text[end : end + 200]).split())
    after = f" {rest}" if text[end : end + 1].isspace() else rest
    return Content.assemble(lead, gap, (found, "bold $accent"), after).truncate(width, ellipsis=True)
