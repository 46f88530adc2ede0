"""Curves as a PNG or an SVG: what is in sight, asked for where it goes and drawn in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.dom import DOMNode

from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.files import publish_bytes
from kullm_tui.core.language import say
from kullm_tui.core.plot.file import Axes, figure_file, form_of, plots_figure
from kullm_tui.core.text import safe_line
from kullm_tui.ui.dialogs.save_file import ask_where
from kullm_tui.ui.train.page.curves import PANELS, marks_of
from kullm_tui.ui.train.page.watching import Watching

if TYPE_CHECKING:
    from textual.app import App

_POINTS = 4000


async def save_curves(node: DOMNode, watching: Watching, most: int | None) -> None:
    """The first `most` of the charts, by itself all of which there are figures."""
    plots, look = plots_of(watching, most), watching.look
    if look:
        await save_plots(node, plots, look.standing.job.name or look.standing.job.id)


async def save_plots(node: DOMNode, plots: Sequence[Axes], name: str) -> None:
    """KullmError where there is no matplotlib, or no room."""
    path = await ask_where(
        cast("App[int]", node.app),
        say("그림을 어디에 저장할까요?", "Where should the picture go?"),
        value=f"~/{safe_line(name).replace('/', '-')}.png",
        more=say("끝이 .png, .svg, .pdf면 그 형식으로 저장해요.", "Its end says the form: .png, .svg or .pdf."),
        fault=_fault,
    )
    if path is None:
        return
    x_name = say("단계", "step")
    content = await asyncio.to_thread(figure_file, lambda: plots_figure(plots, x_name=x_name), form_of(path))
    await asyncio.to_thread(publish_bytes, path, content, mode=0o644)
    node.app.notify(say(f"그림을 저장했어요: {path}", f"The plot is in {path}"), markup=False)


def _fault(line: str) -> str | None:
    try:
        form_of(Path(line))
    except UsageError as error:
        return str(error)
    return None


def plots_of(watching: Watching, most: int | None) -> list[Axes]:
    watched, sight, look = watching.watched, watching.sight, watching.look
    if watched is None or look is None or watched.metrics.span() is None:
        raise KullmError(say("아직 그릴 것이 없어요.", "There is nothing to plot yet."))
    metrics = watched.metrics
    span = sight.span(metrics.span() or (0, 1))
    there = [panel for panel in PANELS if panel.is_there(metrics)][:most]
    return [
        Axes(
            [panel.points(metrics, field, _POINTS, span) for field in panel.fields if metrics.has(field)],
            panel.name,
            sight.log,
            marks_of(look.alarms, span) if place == 0 else (),
        )
        for place, panel in enumerate(there)
    ]
