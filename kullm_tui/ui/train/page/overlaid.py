"""Several runs over each other: their curves of one field, what each came to beside the baseline, and in what their recipes differ.

Headless, as `curves` is. Colours are by place: a run keeps its own, whichever is the baseline.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.plot.dots import BRAILLE, Dots
from kullm_tui.core.plot.file import Axes
from kullm_tui.core.plot.lines import Mark, Series, line_rows
from kullm_tui.core.plot.rows import Row
from kullm_tui.ui.train.page.curves import PANELS, Panel, field_name
from kullm_tui.ui.train.page.sight import Sight
from trainer.jobs.actions import asked_recipe
from trainer.jobs.differences import Difference, differences
from trainer.jobs.registry import KnownJob
from trainer.jobs.watched import Look, Watched
from trainer.recipe import recipe_dict

_POINTS_A_CELL = 4
_BEST = "*"
FIELDS = tuple((panel, field) for panel in PANELS for field in panel.fields)


@dataclass
class Run:
    """One of them."""

    watched: Watched
    look: Look | None = None

    @property
    def name(self) -> str:
        return self.look.standing.job.name if self.look else ""

    @property
    def best(self) -> tuple[int, float] | None:
        """The step of its lowest evaluation, and that loss."""
        told = self.look.best if self.look else {}
        step, loss = told.get("step"), told.get("eval_loss")
        return (step, loss) if isinstance(step, int) and isinstance(loss, float) else None

    def value(self, field: str, cursor: int | None) -> tuple[int, float] | None:
        """At the cursor as far as the run came, or its newest."""
        span = self.watched.metrics.span()
        if span is None:
            return None
        return self.watched.metrics.at(field, span[1] if cursor is None else min(cursor, span[1]))


def names_of(runs: Sequence[Run]) -> list[str]:
    """By their names, unless two have the same."""
    times = Counter(run.name for run in runs)
    return [run.name if run.name and times[run.name] == 1 else run.watched.job.id for run in runs]


def whole_of(runs: Sequence[Run]) -> tuple[int, int] | None:
    spans = [span for run in runs if (span := run.watched.metrics.span())]
    return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None


def series_of(
    runs: Sequence[Run], panel: Panel, field: str, most: int, span: tuple[float, float] | None
) -> list[Series]:
    return [
        Series(name, panel.points(run.watched.metrics, field, most, span).points)
        for name, run in zip(names_of(runs), runs, strict=True)
    ]


def best_marks(runs: Sequence[Run], span: tuple[float, float]) -> list[Mark]:
    """In sight, in each run's own colour."""
    found = [(place, run.best[0]) for place, run in enumerate(runs) if run.best]
    return [Mark(step, _BEST, place) for place, step in found if span[0] <= step <= span[1]]


def overlaid_rows(
    runs: Sequence[Run], shown: tuple[Panel, str], sight: Sight, width: int, height: int, *, dots: Dots = BRAILLE
) -> Sequence[Row]:
    whole = whole_of(runs)
    if whole is None or height < 2 or width < 12:
        return ()
    span = sight.span(whole)
    return line_rows(
        [Series("", one.points) for one in series_of(runs, *shown, width * _POINTS_A_CELL, span)],
        width,
        height,
        x_name=say("단계", "step"),
        log=sight.log,
        dots=dots,
        span=span if span[0] < span[1] else None,
        marks=best_marks(runs, span),
        cursor=sight.cursor,
    )


def axes_of(runs: Sequence[Run], shown: tuple[Panel, str], sight: Sight, most: int) -> Axes:
    """For a file: what is in sight."""
    panel, field = shown
    whole = whole_of(runs)
    if whole is None:
        raise KullmError(say("아직 그릴 것이 없어요.", "There is nothing to plot yet."))
    span = sight.span(whole)
    return Axes(series_of(runs, panel, field, most, span), shown_name(shown), sight.log, best_marks(runs, span))


def shown_name(shown: tuple[Panel, str]) -> str:
    panel, field = shown
    return f"{panel.name} · {field_name(field)}" if len(panel.fields) > 1 else panel.name


def differences_of(jobs: Sequence[KnownJob]) -> list[Difference]:
    """Reads and checks each recipe: in a thread."""
    return differences(*(_recipe(job) for job in jobs))


def _recipe(job: KnownJob) -> Mapping[str, Any]:
    """As it was asked for; of another version's, as it is written."""
    try:
        return recipe_dict(asked_recipe(job))
    except KullmError:
        told = job.spec.get("asked") or job.spec.get("recipe")
        return told if isinstance(told, dict) else {}
