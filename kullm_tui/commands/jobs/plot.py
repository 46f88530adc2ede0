"""`kullm jobs plot`: curves of one or several jobs over each other, in the terminal or as a file."""

import argparse
import math
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kullm_tui.commands.cli.confirm import require_room
from kullm_tui.commands.cli.plot import plot_width, print_plot
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.reach import client_of
from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.files import publish_bytes
from kullm_tui.core.language import say
from kullm_tui.core.plot.dots import dots_for
from kullm_tui.core.plot.lines import Series, line_rows
from kullm_tui.core.text import terminal_safe_json
from trainer.jobs.actions import client_for
from trainer.jobs.bring import brought_up_to_date
from trainer.jobs.history import Curve, curve
from trainer.jobs.registry import KnownJob, known_job

_ROWS = 18


def plot(args: argparse.Namespace) -> int:
    if args.png and args.svg:
        raise UsageError(say("--png와 --svg 가운데 하나만 쓰세요.", "Use either --png or --svg."))
    jobs = [known_job(name) for name in args.jobs]
    curves = [_curve(job, args.field) for job in jobs]
    series = [Series(name, one.points) for name, one in zip(_names(jobs), curves, strict=True)]
    if not any(one.points for one in curves):
        raise KullmError(
            say(
                f"아직 그릴 것이 없어요: 기록에 {args.field} 값이 없어요.",
                f"There is nothing to plot yet: no row has a {args.field}.",
            )
        )
    if args.json:
        for job, one in zip(jobs, curves, strict=True):
            print(terminal_safe_json(_points(job, one, args.field)))
        return 0
    if args.png or args.svg:
        return _to_file(series, args)
    height = min(_ROWS, shutil.get_terminal_size().lines - 2)
    print_plot(
        line_rows(
            series,
            plot_width(),
            height,
            x_name=say("단계", "step"),
            y_name=_field_text(args.field),
            log=args.log,
            dots=dots_for(os.environ),
        )
    )
    _tell_malformed(curves)
    return 0


def _curve(job: KnownJob, field: str) -> Curve:
    job = brought_up_to_date(job, client_for(job, client_of), Narration().note)
    return curve(job.directory.metrics, field)


def _points(job: KnownJob, one: Curve, field: str) -> dict[str, Any]:
    """JSON has no NaN: null stands for it."""
    values = [value if math.isfinite(value) else None for value in one.values]
    facts = {"id": job.id, "name": job.name, "field": field, "malformed": one.malformed}
    return {**facts, "steps": one.steps, "values": values}


def _names(jobs: Sequence[KnownJob]) -> list[str]:
    """By their names, unless two have the same."""
    times = Counter(job.name for job in jobs)
    return [job.name if times[job.name] == 1 and job.name else job.id for job in jobs]


def _field_text(field: str) -> str:
    return {"loss": say("손실", "loss"), "eval_loss": say("평가 손실", "evaluation loss")}.get(field, field)


def _to_file(series: Sequence[Series], args: argparse.Namespace) -> int:
    from kullm_tui.core.plot.file import figure_file, line_figure

    path = paths.typed(args.png or args.svg)
    require_room(path, force=args.force)
    x_name, y_name = say("단계", "step"), _field_text(args.field)
    content = figure_file(
        lambda: line_figure(series, x_name=x_name, y_name=y_name, log=args.log), "png" if args.png else "svg"
    )
    publish_bytes(path, content, mode=0o644)
    Narration().note(say(f"그림을 저장했어요: {path}", f"The plot is in {path}"))
    return 0


def _tell_malformed(curves: Sequence[Curve]) -> None:
    count = sum(one.malformed for one in curves)
    if count:
        Narration().note(
            say(f"읽지 못한 줄 {count}개는 뺐어요.", f"{count} lines that could not be read are left out.")
        )
