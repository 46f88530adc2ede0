"""A job at a glance: the loss, the numbers that one looks for first, its cards, what went wrong last, the end of its log."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets._static import Static

from kullm_tui.ui.train.page.curves import LOSS
from kullm_tui.ui.train.page.plots import StepPlots, chart_of
from kullm_tui.ui.train.page.text import alarm_lines, card_line, host_line, joined, number_lines
from kullm_tui.ui.train.page.watching import Watching
from kullm_tui.ui.widgets.chart import Chart
from trainer.jobs.log import Page

_TALL = 26  # rows, from which more than the last lines of all has room
_LOG_LINES, _FEW_LOG_LINES = 10, 3
_ALARMS, _FEW_ALARMS = 4, 1
_CARDS, _FEW_CARDS = 8, 1


class Overview(StepPlots):
    DEFAULT_CSS = """
    Overview { overflow-y: hidden; }
    Overview Static { height: auto; }
    Overview #numbers { margin: 0 0 0 1; }
    Overview #glance-log { color: $quiet; border-top: solid $rule; }
    """

    def __init__(self, watching: Watching, save: Callable[[], None], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(watching, save, id=id)
        self._watching = watching

    def compose(self) -> ComposeResult:
        yield Chart(partial(chart_of, self._watching, LOSS), id="glance-loss")
        for name in ("numbers", "glance-cards", "glance-alarms", "glance-log"):
            yield Static(id=name, markup=False)

    def on_resize(self) -> None:
        self.draw()

    def show_log(self, page: Page) -> None:
        lines = page.lines[-(_LOG_LINES if self.size.height >= _TALL else _FEW_LOG_LINES) :]
        width = self.size.width
        shown = joined([Content(line).truncate(width, ellipsis=True) for line in lines])
        self._tell("glance-log", shown)

    def draw(self) -> None:
        look, width = self._watching.look, self.size.width
        if look is None or not width:
            self._tell_all()
            return
        tall = self.size.height >= _TALL
        self._tell("numbers", joined(number_lines(look, width - 1)))
        cards = [card_line(card, width) for card in look.cards[: _CARDS if tall else _FEW_CARDS]]
        host = [host_line(look.host, width)] if look.host and (tall or not cards) else []
        self._tell("glance-cards", joined([*cards, *host]))
        self._tell("glance-alarms", joined(alarm_lines(look, _ALARMS if tall else _FEW_ALARMS)))
        super().draw()

    def _tell_all(self) -> None:
        for name in ("numbers", "glance-cards", "glance-alarms", "glance-log"):
            self._tell(name, Content(""))
        super().draw()

    def _tell(self, name: str, content: Content) -> None:
        static = self.query_one(f"#{name}", Static)
        static.display = bool(content.plain)
        static.update(content)
