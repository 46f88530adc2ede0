"""Charts under one cursor: moved in one of them it reads all; what is in sight is the same in all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.geometry import Size

from kullm_tui.core.plot.dots import dots_for
from kullm_tui.core.plot.rows import Row
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN_CURVES
from kullm_tui.ui.train.page.curves import LOSS, PANELS, Panel, chart_rows
from kullm_tui.ui.train.page.sight import Sight
from kullm_tui.ui.train.page.watching import Watching
from kullm_tui.ui.widgets.chart import Chart

_LOWEST = 7  # rows of a chart
_TWO_COLUMNS = 72


class Sighted(Protocol):
    """What is read by steps."""

    @property
    def sight(self) -> Sight: ...

    def see(self, sight: Sight, /) -> None: ...

    @property
    def whole(self) -> tuple[int, int] | None: ...


class Plots(VerticalScroll, can_focus=True):
    """What its keys do; which keys, and which charts there are, is said by the views that are made of it."""

    DEFAULT_CSS = """
    Plots { height: 1fr; scrollbar-gutter: auto; }
    Plots:focus Chart .chart--strong { color: $foreground; }
    """

    def __init__(self, sighted: Sighted, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.sighted = sighted

    def draw(self) -> None:
        for chart in self.query(Chart):
            chart.draw_again()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        if action == "drop_cursor":
            return self.sighted.sight.cursor is not None or self.sighted.sight.width is not None
        return True

    def action_cursor(self, columns: int) -> None:
        """A column of the plot at a time: as many steps as one has."""
        whole = self.sighted.whole
        if whole is None:
            return
        sight = self.sighted.sight
        first, last = sight.span(whole)
        if sight.cursor is None:
            self._put(last)
            return
        steps = max(1, round((last - first) / max(1, self.size.width)))
        self._put(max(whole[0], min(whole[1], sight.cursor + columns * steps)))

    def action_cursor_to_end(self, direction: int) -> None:
        whole = self.sighted.whole
        if whole:
            self._put(whole[direction > 0])

    def _put(self, cursor: int) -> None:
        whole = self.sighted.whole
        if whole:
            self.sighted.see(self.sighted.sight.moved(cursor, whole))

    def action_zoom(self, direction: int) -> None:
        whole = self.sighted.whole
        if whole:
            self.sighted.see(self.sighted.sight.zoomed(direction, whole))

    def action_zoom_whole(self) -> None:
        self.sighted.see(self.sighted.sight.whole())

    def action_log_scale(self) -> None:
        sight = self.sighted.sight
        self.sighted.see(Sight(sight.width, sight.end, sight.cursor, not sight.log))

    def action_drop_cursor(self) -> None:
        sight = self.sighted.sight
        keeps = sight.cursor is not None
        self.sighted.see(Sight(sight.width, sight.end, None, sight.log) if keeps else sight.whole())

    @on(Chart.Pointed)
    def _pointed(self, event: Chart.Pointed) -> None:
        whole = self.sighted.whole
        if whole:
            first, last = self.sighted.sight.span(whole)
            self._put(round(first + event.share * (last - first)))


class StepPlots(Plots):
    """Read by steps of a training."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_CURVES)

    def __init__(self, sighted: Sighted, save: Callable[[], None], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(sighted, id=id)
        self._save = save

    def action_save_picture(self) -> None:
        self._save()


class ChartGrid(Container):
    """Two beside each other where there is room; a `-wide` one has a row of its own."""

    DEFAULT_CSS = """
    ChartGrid { layout: grid; grid-size: 2; grid-gutter: 0 1; height: auto; }
    ChartGrid.-one { grid-size: 1; }
    ChartGrid .-wide { column-span: 2; }
    ChartGrid.-one .-wide { column-span: 1; }
    """

    def share(self, there: Collection[str], room: Size) -> None:
        """Those of which there are figures share it, the others are not there."""
        columns = 2 if room.width >= _TWO_COLUMNS else 1
        self.set_class(columns == 1, "-one")
        cells = 0
        for chart in self.query(Chart):
            chart.display = chart.id in there
            cells += chart.display * (columns if chart.has_class("-wide") else 1)
        height = max(_LOWEST, room.height // max(1, -(-cells // columns)))
        self.styles.grid_rows = str(height)
        for chart in self.query(Chart):
            chart.styles.height = height


class Curves(StepPlots):
    """All charts of a job, the loss over the full width."""

    def __init__(self, watching: Watching, save: Callable[[], None], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(watching, save, id=id)
        self._watching = watching

    def compose(self) -> ComposeResult:
        with ChartGrid():
            for panel in PANELS:
                chart = Chart(partial(chart_of, self._watching, panel), id=panel.fields[0])
                yield chart.set_class(panel is LOSS, "-wide")

    def draw(self) -> None:
        watched = self._watching.watched
        there = {panel.fields[0] for panel in PANELS if watched and panel.is_there(watched.metrics)}
        self.query_one(ChartGrid).share(there | {LOSS.fields[0]}, self.size)
        super().draw()

    def on_resize(self) -> None:
        self.draw()


def chart_of(watching: Watching, panel: Panel, width: int, height: int) -> Sequence[Row]:
    if watching.watched is None:
        return ()
    alarms = watching.look.alarms if watching.look else ()
    metrics = watching.watched.metrics
    return chart_rows(panel, metrics, watching.sight, width, height, alarms=alarms, dots=dots_for(os.environ))
