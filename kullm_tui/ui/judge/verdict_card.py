"""The card below a reply with what was said of it: scores, the reason, the cost; what could not be read is shown as that.

```
┌ 판정 gpt-4 · kullm-2023-ko ────────────────────────────────┐
│ 이해 1/1  자연 3/3  맥락 3/3  흥미 2/3  지시 1/1  품질 4/5 │  $0.01
└ 질문에 직접 답했고 문장이 자연스럽습니다. ─────────────────┘
```
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from kullm_tui.core.language import say
from kullm_tui.core.times import seconds_whole
from kullm_tui.ui.judge.text import (
    by_origin,
    cost_of,
    reason_of,
    scores_of,
    title_of,
    trouble_of,
    warnings_of,
    words_of,
)
from kullm_tui.ui.markdown.wrap import fold_words
from kullm_tui.ui.text import plain

if TYPE_CHECKING:
    from evaluator.verdict import Verdict
    from kullm_tui.ui.host import Host

_WIDEST = 92  # cells of text; a longer line is hard to read
_NARROWEST = 12
_FRAME = 4  # cells of the frame around a line
_ROWS_OF_WORDS = 3  # of a reason or of what could not be read; all of it is in the full view
_ROWS_OF_ADVICE = 8  # of an error, which ends in what to do next
_CARDS = 3
_BETWEEN = "  "


class VerdictCard(Widget):
    """Nothing to see until something is shown; a click opens everything that was said."""

    DEFAULT_CSS = """
    VerdictCard { display: none; width: 1fr; height: auto; margin-left: 2; }
    VerdictCard.-told { display: block; }
    """
    ALLOW_SELECT: ClassVar[bool] = False

    @dataclass
    class Opened(Message):
        """The reader wants all of it."""

        card: VerdictCard

    def __init__(self) -> None:
        super().__init__()
        self.verdicts: Sequence[Verdict] = ()
        self._waiting = ""
        self._since = 0.0
        self._timer: Timer | None = None

    def show(self, verdicts: Sequence[Verdict], waiting: str = "", *, since: float | None = None) -> None:
        """These, the newest first; while more is waited for, `waiting` says for what and `since` when it began."""
        if (list(verdicts), waiting) == (list(self.verdicts), self._waiting):
            return
        self.verdicts, self._waiting = list(verdicts), waiting
        self._since = since if since is not None else time.monotonic()
        if waiting and self._timer is None:
            self._timer = self.set_interval(1.0, self.refresh)
        elif not waiting and self._timer:
            self._timer.stop()
            self._timer = None
        self.set_class(bool(verdicts or waiting), "-told")
        self.refresh(layout=True)

    def get_content_width(self, container: Size, _viewport: Size) -> int:
        return container.width

    def get_content_height(self, _container: Size, _viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.size.width))

    def on_click(self) -> None:
        if self.verdicts:
            self.post_message(self.Opened(self))

    def _lines(self, width: int) -> list[Content]:
        groups = by_origin(self.verdicts)
        lines = [line for group in groups[:_CARDS] for line in _card(group, width, self._won_per_dollar)]
        if len(groups) > _CARDS:
            more = len(groups) - _CARDS
            lines.append(Content.styled(say(f"다른 채점 {more}가지 · F3", f"{more} other judges · F3"), "$quiet"))
        if self._waiting:
            lines.append(self._waiting_line().truncate(width, ellipsis=True))
        return lines

    def _waiting_line(self) -> Content:
        parts = [self._waiting, seconds_whole(time.monotonic() - self._since), say("esc 멈춤", "esc stops")]
        head = Content.styled(f"{say('채점', 'Verdict')}: ", "$accent")
        return head + plain(" · ".join(filter(None, parts))).stylize("$quiet")

    @property
    def _won_per_dollar(self) -> float | None:
        return cast("Host", self.app).config.won_per_dollar


def _card(group: Sequence[Verdict], width: int, won_per_dollar: float | None) -> Iterator[Content]:
    """One judge by one rubric."""
    cost, scores, title = cost_of(group, won_per_dollar), scores_of(group), title_of(group)
    trouble, reason = trouble_of(group[0]), reason_of(group)
    room = max(_NARROWEST, min(_WIDEST, width - _FRAME - (cell_len(cost) + 2 if cost else 0)))
    body = [*_score_rows(scores, room), *_trouble_rows(group[0], trouble, room)]
    body += [plain(line).stylize("$warning") for warning in warnings_of(group) for line in _folded(warning, room)]
    reason_rows = _few(_folded(reason, room), room) if reason else []
    inner = min(room, max([cell_len(title), *(row.cell_length for row in body), *map(cell_len, reason_rows)]))
    last = reason_rows.pop() if len(reason_rows) == 1 else ""
    body += [plain(row) for row in reason_rows]
    yield _edge("┌", title, "┐", inner, "$accent")
    for number, row in enumerate(body):
        line = Content.assemble(("│ ", "$rule"), row.pad_right(inner - row.cell_length), (" │", "$rule"))
        yield Content.assemble(line, (f"  {cost}", "$quiet")) if number == 0 and cost else line
    yield _edge("└", last, "┘", inner, "")


def _edge(left: str, text: str, right: str, inner: int, style: str) -> Content:
    """A line of the frame with words in it."""
    if not text:
        return Content.styled(f"{left}{'─' * (inner + 2)}{right}", "$rule")
    label = plain(text).truncate(inner, ellipsis=True)
    rest = "─" * (inner - label.cell_length)
    return Content.assemble((f"{left} ", "$rule"), label.stylize(style), (f" {rest}{right}", "$rule"))


def _score_rows(scores: Sequence[tuple[str, str]], room: int) -> list[Content]:
    rows: list[Content] = []
    for name, score in scores:
        cell = Content.assemble((f"{name} ", "$quiet"), (score, "bold"))
        if rows and rows[-1].cell_length + len(_BETWEEN) + cell.cell_length <= room:
            rows[-1] = Content.assemble(rows[-1], _BETWEEN, cell)
        else:
            rows.append(cell.truncate(room, ellipsis=True))
    return rows


def _trouble_rows(newest: Verdict, trouble: str, room: int) -> list[Content]:
    if not trouble:
        return []
    rows = [row for line in trouble.splitlines() for row in _folded(line, room)]
    rows = _few(rows, room, _ROWS_OF_ADVICE if newest.status == "error" else _ROWS_OF_WORDS)
    style = "$error" if newest.status == "error" else "$warning"
    last = say("F3 다시 채점", "F3 judges again") if newest.status == "error" else say("F3 전문", "F3 shows all of it")
    told = words_of(newest)
    said = _few(_folded(told, room), room) if told else []
    return [*(plain(row).stylize(style) for row in rows), *map(plain, said), Content.styled(last, "$quiet")]


def _folded(text: str, room: int) -> list[str]:
    return [text[start:end] for start, end in fold_words(text, room)]


def _few(rows: Sequence[str], room: int, most: int = _ROWS_OF_WORDS) -> list[str]:
    """The first rows; the last of them ends in an ellipsis where more was said."""
    if len(rows) <= most:
        return list(rows)
    *shown, last = rows[:most]
    return [*shown, f"{Content(last).truncate(room - 2).plain.rstrip()} …"]
