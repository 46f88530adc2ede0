"""Several runs over each other on one screen: one plot, what each came to, only the differences of their recipes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.core.plot.dots import dots_for
from kullm_tui.core.plot.rows import Row
from kullm_tui.ui.background import Fault, Work, begin, is_there
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import OVERLAY
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.train.page.overlaid import (
    FIELDS,
    Run,
    axes_of,
    differences_of,
    names_of,
    overlaid_rows,
    shown_name,
    whole_of,
)
from kullm_tui.ui.train.page.plots import StepPlots
from kullm_tui.ui.train.page.sight import Sight
from kullm_tui.ui.train.page.text import cell, joined
from kullm_tui.ui.widgets.chart import Chart
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.plot import series_colour
from kullm_tui.ui.widgets.status_line import StatusLine
from trainer.jobs.differences import Difference

if TYPE_CHECKING:
    from kullm_tui.ui.host import Host

_LOOK_SECONDS = 0.5
_POINTS = 4000
_NAME, _PLACE, _VALUE = 24, 26, 18
_BASELINE = "▸ "


class OverlaidPlot(StepPlots):
    DEFAULT_CSS = """
    OverlaidPlot { height: 1fr; min-height: 8; overflow-y: hidden; }
    """

    def compose(self) -> ComposeResult:
        screen = cast("OverlayScreen", self.screen)
        yield Chart(screen.rows, id="overlaid")


class OverlayScreen(Screen[None]):
    """`jobs` by their ids; the first is the baseline until another is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(OVERLAY)
    AUTO_FOCUS = "#plot"
    CSS = """
    OverlayScreen #runs { height: auto; padding: 0 1; }
    OverlayScreen #what { height: 1; padding: 0 1; }
    OverlayScreen #plot { padding: 0 1; }
    OverlayScreen #differences { height: auto; max-height: 40%; padding: 0 1; border-top: solid $rule; }
    OverlayScreen #differences Static { width: auto; height: auto; }
    """

    def __init__(self, jobs: Sequence[str]) -> None:
        from trainer.jobs.watched import Watched

        super().__init__()
        self.runs = [Run(Watched(job)) for job in jobs]
        self.sight = Sight()
        self._baseline = 0
        self._field = 0
        self._differences: list[Difference] | None = None
        self._looking = False

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status, say("학습 겹쳐 보기", "Jobs over each other"))
        yield Static(id="runs", markup=False)
        yield Static(id="what", markup=False)
        yield OverlaidPlot(self, self._save, id="plot")
        with VerticalScroll(id="differences"):
            yield Static(id="table", markup=False)
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self.draw()
        self._run(self._read_recipes)
        self.set_interval(_LOOK_SECONDS, self._look_again)
        self._look_again()

    def relabel(self) -> None:
        self.draw()

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look_again(self) -> None:
        if not self._looking and self.is_current:
            self._looking = True
            self._run(self._look)

    async def _look(self) -> None:
        try:
            more = True
            while more:
                before = [run.look for run in self.runs]
                for run in self.runs:
                    run.look = await asyncio.to_thread(run.watched.look)
                if before != [run.look for run in self.runs]:
                    self.draw()
                more = any(run.look and run.look.more for run in self.runs)
        finally:
            self._looking = False

    async def _read_recipes(self) -> None:
        from trainer.jobs.registry import known_in

        jobs = [known_in(run.watched.job) for run in self.runs]
        self._differences = await asyncio.to_thread(differences_of, jobs)
        self.draw()

    # -- sight ---------------------------------------------------------------------------------------------------------

    @property
    def whole(self) -> tuple[int, int] | None:
        return whole_of(self.runs)

    def see(self, sight: Sight) -> None:
        if sight != self.sight:
            self.sight = sight
            self.draw()
            self.refresh_bindings()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def rows(self, width: int, height: int) -> Sequence[Row]:
        return overlaid_rows(self.runs, FIELDS[self._field], self.sight, width, height, dots=dots_for(os.environ))

    def draw(self) -> None:
        if not is_there(self):
            return
        self.query_one("#runs", Static).update(joined(self._run_lines()))
        self.query_one("#what", Static).update(self._what())
        self.query_one(OverlaidPlot).draw()
        self.query_one("#table", Static).update(joined(self._table()))

    def _what(self) -> Content:
        parts = [Content.styled(shown_name(FIELDS[self._field]), "bold")]
        if self.sight.cursor is not None:
            step = self.sight.cursor
            parts.append(Content.styled(say(f"{step:,}단계에서", f"at step {step:,}"), "$quiet"))
        if self.sight.log:
            parts.append(Content.styled(say("로그 눈금", "log scale"), "$quiet"))
        return Content("  ").join(parts)

    def _run_lines(self) -> list[Content]:
        names, width = names_of(self.runs), self.size.width - 2
        return [self._run_line(place, name, width) for place, name in enumerate(names)]

    def _run_line(self, place: int, name: str, width: int) -> Content:
        """Whose line is whose, its value, how far that is from the baseline's at the same step, and its best evaluation."""
        (panel, field), run = FIELDS[self._field], self.runs[place]
        value = run.value(field, self.sight.cursor)
        base = self.runs[self._baseline].watched.metrics.at(field, value[0]) if value else None
        compared = place != self._baseline and value is not None and base is not None and base[0] == value[0]
        apart = f"{value[1] - base[1]:+.4g}" if compared and value and base else ""
        told = "-" if value is None else f"{panel.form(value[1])} @{value[0]:,}"
        best = f"* {run.best[1]:.4f} @{run.best[0]:,}" if run.best else ""
        cells = max(10, min(_NAME, width - 56))
        return Content.assemble(
            _BASELINE if place == self._baseline else "  ",
            ("━━ ", series_colour(place)),
            cell(safe_line(name), cells),
            cell(told, 16, right=True),
            cell(apart, 12, right=True),
            (f"   {best}", "$quiet"),
        ).truncate(width, ellipsis=True)

    def _table(self) -> list[Content]:
        """A column a run, the baseline's first; what is as in the baseline stands back."""
        found = self._differences
        if found is None:
            return [Content.styled(say("레시피를 읽는 중 …", "reading the recipes …"), "$quiet")]
        if not found:
            return [Content.styled(say("레시피가 모두 같아요.", "Their recipes are the same."), "$quiet")]
        order = [self._baseline, *(place for place in range(len(self.runs)) if place != self._baseline)]
        names = names_of(self.runs)
        head = Content("").join(
            [cell(say("다른 설정", "setting"), _PLACE), *(cell(safe_line(names[one]), _VALUE) for one in order)]
        )
        return [head.stylize("$quiet"), *(self._line(one, order) for one in found)]

    def _line(self, one: Difference, order: Sequence[int]) -> Content:
        base = one.values[self._baseline]
        cells = [cell("-" if one.values[at] is None else safe_line(str(one.values[at])), _VALUE) for at in order]
        alike = [at != self._baseline and one.values[at] == base for at in order]
        return Content("").join(
            [
                cell(one.place, _PLACE),
                *(text.stylize("$quiet") if same else text for text, same in zip(cells, alike, strict=True)),
            ]
        )

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def action_field(self) -> None:
        """The next of which any of them has figures."""
        for step in range(1, len(FIELDS) + 1):
            at = (self._field + step) % len(FIELDS)
            if any(run.watched.metrics.has(FIELDS[at][1]) for run in self.runs):
                self._field = at
                break
        self.draw()

    def action_baseline(self) -> None:
        self._baseline = (self._baseline + 1) % len(self.runs)
        self.draw()

    def action_leave_overlay(self) -> None:
        self.dismiss(None)

    def _save(self) -> None:
        self._run(self._save_picture)

    async def _save_picture(self) -> None:
        from kullm_tui.ui.train.page.picture import save_plots

        axes = axes_of(self.runs, FIELDS[self._field], self.sight, _POINTS)
        await save_plots(self, [axes], "-".join(names_of(self.runs)))

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.query_one(Notice).tell(str(fault), error=True)
