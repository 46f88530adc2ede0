"""The cards of a job and its machine: each as it is now with who is on it, and below that what all of them did while the job ran."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Size
from textual.widgets._static import Static

from kullm_tui.core.plot.dots import dots_for
from kullm_tui.core.plot.rows import Row
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN_CARDS
from kullm_tui.ui.train.page.machine_curves import MACHINE_PANELS, MachinePanel, machine_rows
from kullm_tui.ui.train.page.plots import ChartGrid, Plots
from kullm_tui.ui.train.page.text import card_lines, joined
from kullm_tui.ui.train.page.watching import MachineWatching, Watching
from kullm_tui.ui.widgets.chart import Chart


class Cards(Plots):
    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_CARDS)
    DEFAULT_CSS = """
    Cards #cards-text { width: 100%; height: auto; margin-bottom: 1; }
    """

    def __init__(self, watching: Watching, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(MachineWatching(watching, self.draw), id=id)
        self._watching = watching

    def compose(self) -> ComposeResult:
        yield Static(id="cards-text", markup=False)
        with ChartGrid():
            for panel in MACHINE_PANELS:
                yield Chart(partial(self._rows, panel), id=panel.id)

    def draw(self) -> None:
        look, watched, width = self._watching.look, self._watching.watched, self.scrollable_content_region.width
        lines = card_lines(look, width or self.size.width) if look else []
        self.query_one("#cards-text", Static).update(joined(lines))
        there = {panel.id for panel in MACHINE_PANELS if watched and panel.is_there(watched.machine_past)}
        self.query_one(ChartGrid).share(there, Size(self.size.width, self.size.height - len(lines) - 1))
        super().draw()

    def on_resize(self) -> None:
        self.draw()

    def action_moment(self, columns: int) -> None:
        """Along its time as others go along steps."""
        self.action_cursor(columns)

    def _rows(self, panel: MachinePanel, width: int, height: int) -> Sequence[Row]:
        watched, sight = self._watching.watched, self._watching.machine_sight
        if watched is None:
            return ()
        return machine_rows(panel, watched.machine_past, sight, width, height, dots=dots_for(os.environ))
