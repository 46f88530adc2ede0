"""What the rows of a job's metrics come to: a curve of one of their fields, how far the job is, what it took.

After a resume the steps behind the checkpoint come again: a row takes back every earlier row of its step and of later ones, which
belong to a stretch that was given up. NaN is a value. A line that is no row is counted and passed over.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.jobs.agent import states
from trainer.jobs.agent.files import last_row, row_of, rows
from trainer.jobs.registry import KnownJob

_NUMBER = rb"(-?\d[\d.eE+-]*|NaN|-?Infinity)"
_MEAN_OF = 100
_ENDLESS = 1 << 53


@dataclass(frozen=True)
class Curve:
    """A field by steps, which rise."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    malformed: int = 0  # lines

    @property
    def points(self) -> list[tuple[float, float]]:
        return list(zip(self.steps, self.values, strict=True))

    @property
    def last(self) -> float | None:
        return self.values[-1] if self.values else None

    def mean(self, count: int = _MEAN_OF) -> float | None:
        """Of the last so many that are numbers: another figure than the last one, and never shown as it."""
        found = [value for value in self.values[-count:] if math.isfinite(value)]
        return sum(found) / len(found) if found else None


def curve(metrics: Path, name: str = "loss") -> Curve:
    """Rows without the field, or with one that is no number, have no point."""
    try:
        data = metrics.read_bytes()
    except OSError:
        return Curve()
    data = data[: data.rfind(b"\n") + 1]  # behind it a row is on its way
    usual = _usual_points(data, name)
    points, malformed = (usual, 0) if usual is not None else _points(data, name)
    return _without_what_was_given_up(points, malformed)


def _usual_points(data: bytes, name: str) -> list[tuple[int, float]] | None:
    """Rows as the trainer writes them, taken apart without a parser: in a tenth of its time. None where any is otherwise."""
    row = rb'^\{"step": (\d+), (?:[^{}\n]*?, )??"%s": %s(?:, [^{}\n]*)?\}$' % (re.escape(name.encode()), _NUMBER)
    found = re.findall(row, data, re.MULTILINE)
    if len(found) != data.count(b"\n"):
        return None
    return [(int(step), float(value)) for step, value in found]


def _points(data: bytes, name: str) -> tuple[list[tuple[int, float | None]], int]:
    lines = [line for line in data.splitlines() if line]
    found = [row for row in map(row_of, lines) if row is not None]
    steps = [(step, row) for row in found if (step := _whole(row.get("step"))) is not None]
    return [(step, as_number(row.get(name))) for step, row in steps], len(lines) - len(found)


def _without_what_was_given_up(points: Sequence[tuple[int, float | None]], malformed: int) -> Curve:
    steps: list[int] = []
    values: list[float] = []
    for step, value in points:
        while steps and steps[-1] >= step:
            steps.pop()
            values.pop()
        if value is not None:
            steps.append(step)
            values.append(value)
    return Curve(steps, values, malformed)


@dataclass(frozen=True)
class Progress:
    """How far a job is. What nobody knows yet is None."""

    step: int = 0
    steps: int | None = None
    eta_s: float | None = None
    loss: float | None = None  # of the last step
    tokens_per_s: float | None = None


def progress(job: KnownJob, state: Mapping[str, Any] | None = None) -> Progress:
    """From the ends of its files, however long they are.

    What is left is told of a running job alone: only a step of this attempt makes it RUNNING, so its newest row is not one of before a
    resume. The figure is the trainer's own; nobody's clock here matters.
    """
    state = job.state if state is None else state
    row = job.last
    eta = {states.RUNNING: as_number(row.get("eta_s")), states.SUCCEEDED: 0.0}.get(str(state.get("state")))
    return Progress(
        step=_whole(row.get("step")) or 0,
        steps=_whole(row.get("steps")) or _whole((job.spec.get("predicted") or {}).get("steps")),
        eta_s=eta,
        loss=as_number(row.get("loss")),
        tokens_per_s=as_number(row.get("tokens_per_s")),
    )


def seconds_at_work(job: KnownJob) -> float:
    """Of all attempts, from the start of each to what came next; the machine's hours are these."""
    total, began, last = 0.0, 0.0, 0.0
    for row in rows(job.directory.events):
        moment = as_number(row.get("time")) or last
        event = str(row.get("event"))
        if event == "starting":
            total, began = total + (last - began if began else 0.0), moment
        elif began and (event == "lost" or event.upper() in states.TERMINAL):
            total, began = total + moment - began, 0.0
        last = moment
    if began:
        moment = as_number(last_row(job.directory.metrics).get("time")) or last
        total += max(0.0, moment - began)
    return total


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_step(value: object) -> int | None:
    """None for what no training counts to."""
    whole = _whole(value)
    return whole if whole is not None and 0 <= whole < _ENDLESS else None


def as_number(value: object) -> float | None:
    """None for what is none; rows come from files, where a number may have any length."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None
