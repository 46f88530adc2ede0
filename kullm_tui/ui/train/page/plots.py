"""Charts under one cursor: moved in one of them it reads all; what is in sight is the same in all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll

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

    sight: Sight

    def see(self, sight: Sight, /) -> None: ...

    @property
    def whole(self) -> tuple[int, int] | None: ...


class Plots(VerticalScroll, can_focus=True):
    """Its keys; which charts there are is said by the views that are made of it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_CURVES)
    DEFAULT_CSS = """
    Plots { height: 1fr; scrollbar-gutter: auto; }
    Plots:focus Chart .chart--strong { color: $foreground; }
    """

    def __init__(self, sighted: Sighted, save: Callable[[], None], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.sighted = sighted
        self._save = save

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

    def action_save_picture(self) -> None:
        self._save()

    @on(Chart.Pointed)
    def _pointed(self, event: Chart.Pointed) -> None:
        whole = self.sighted.whole
        if whole:
            first, last = self.sighted.sight.span(whole)
            self._put(round(first + event.share * (last - first)))


class Curves(Plots):
    """All charts of a job, the loss over the full width."""

    DEFAULT_CSS = """
    Curves #grid { layout: grid; grid-size: 2; grid-gutter: 0 1; height: auto; }
    Curves #grid.-one { grid-size: 1; }
    Curves #loss { column-span: 2; }
    Curves #grid.-one #loss { column-span: 1; }
    """

    def __init__(self, watching: Watching, save: Callable[[], None], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(watching, save, id=id)
        self._watching = watching

    def compose(self) -> ComposeResult:
        with Container(id="grid"):
            for panel in PANELS:
                yield Chart(partial(chart_of, self._watching, panel), id=panel.fields[0])

    def draw(self) -> None:
        """Charts of which the job has no figures are not there."""
        watched = self._watching.watched
        there = [panel for panel in PANELS if watched and panel.is_there(watched.metrics)]
        for panel in PANELS:
            self.query_one(f"#{panel.fields[0]}", Chart).display = panel in there or panel is LOSS
        self._share_room(max(1, len(there)))
        super().draw()

    def on_resize(self) -> None:
        self.draw()

    def _share_room(self, count: int) -> None:
        grid = self.query_one("#grid", Container)
        columns = 2 if self.size.width >= _TWO_COLUMNS else 1
        grid.set_class(columns == 1, "-one")
        rows = 1 + -(-(count - 1) // columns)
        height = max(_LOWEST, self.size.height // rows)
        grid.styles.grid_rows = str(height)
        for chart in self.query(Chart):
            chart.styles.height = height


def chart_of(watching: Watching, panel: Panel, width: int, height: int) -> Sequence[Row]:
    if watching.watched is None:
        return ()
    alarms = watching.look.alarms if watching.look else ()
    metrics = watching.watched.metrics
    return chart_rows(panel, metrics, watching.sight, width, height, alarms=alarms, dots=dots_for(os.environ))
