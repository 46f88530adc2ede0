"""A job's curves as they grow: its metrics read once, in pieces, from where reading stopped; the room that they take has an end.

A curve of more than MOST points is thinned by lowest and highest, so that every point that is left was measured. One thread reads, another draws.
"""

import json
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from operator import lt
from pathlib import Path
from typing import Any

from kullm_tui.core.plot.thin import thinned
from trainer.jobs.agent.files import row_of
from trainer.jobs.history import as_number, as_step
from trainer.jobs.tail import Tail

FIELDS = ("loss", "eval_loss", "lr", "grad_norm", "tokens_per_s", "mfu", "memory_bytes", "eta_s", "time")
MOST = 1 << 17
_MOST_SKIPPED = 1000
_AT_ONCE = 1 << 18  # a piece is parsed in a few milliseconds, in which no key is answered


@dataclass
class Column:
    """One field by steps, which rise."""

    steps: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def give_up(self, step: int) -> None:
        """What was measured from there on belongs to a stretch that is repeated."""
        if self.steps and self.steps[-1] >= step:
            at = bisect_left(self.steps, step)
            del self.steps[at:], self.values[at:]

    def within_bounds(self) -> None:
        if len(self.steps) > MOST:
            stay = thinned(self.values, MOST // 2)
            self.steps = array("q", [self.steps[place] for place in stay])
            self.values = array("d", [self.values[place] for place in stay])

    def part(self, span: tuple[float, float] | None) -> tuple[int, int]:
        if span is None:
            return 0, len(self.steps)
        return bisect_left(self.steps, span[0]), bisect_right(self.steps, span[1])


class Metrics:
    def __init__(self, path: Path) -> None:
        self._tail = Tail(path, 0, at_once=_AT_ONCE)
        self._lock = threading.Lock()
        self._clear()
        self.version = 0  # changes with what there is to draw

    def _clear(self) -> None:
        self._columns = {name: Column() for name in FIELDS}
        self._last: Mapping[str, Any] = {}
        self.skipped: list[int] = []
        self.malformed = 0

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self) -> bool:
        """A piece of what is new. False where there was nothing."""
        anew = self._tail.begun_anew
        data = self._tail.data()
        lines = [line for line in data.split(b"\n") if line]
        found = _rows(lines)
        with self._lock:
            if self._tail.begun_anew != anew:
                self._clear()
                self.version += 1
            if not data:
                return False
            self.malformed += len(lines) - len(found)
            rows = [row for row in found if as_step(row.get("step")) is not None]
            for begin, end in _rising([row["step"] for row in rows]):
                self._take(rows[begin:end])
            self.version += 1
        return True

    def _take(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Whose steps rise."""
        steps = [row["step"] for row in rows]
        while self.skipped and self.skipped[-1] >= steps[0]:
            self.skipped.pop()
        self.skipped += [row["step"] for row in rows if row.get("skipped") is True]
        del self.skipped[:-_MOST_SKIPPED]
        for name, column in self._columns.items():
            column.give_up(steps[0])
            _extend(column, steps, [row.get(name) for row in rows])
            column.within_bounds()
        self._last = rows[-1]

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def last(self) -> Mapping[str, Any]:
        """The newest row."""
        return self._last

    def has(self, name: str) -> bool:
        return bool(self._columns[name].steps)

    def points(self, name: str, most: int, span: tuple[float, float] | None = None) -> list[tuple[float, float]]:
        """As many as are worth drawing."""
        with self._lock:
            column = self._columns[name]
            first, last = column.part(span)
            steps, values = column.steps[first:last], column.values[first:last]
        return [(steps[place], values[place]) for place in thinned(values, most)]

    def at(self, name: str, step: float) -> tuple[int, float] | None:
        """The point nearest to it."""
        with self._lock:
            steps, values = self._columns[name].steps, self._columns[name].values
            after = bisect_left(steps, step)
            near = [place for place in (after - 1, after) if 0 <= place < len(steps)]
            if not near:
                return None
            place = min(near, key=lambda one: abs(steps[one] - step))
            return steps[place], values[place]

    def next_step(self, step: float, count: int) -> int | None:
        """Of the loss: so many points further, or back."""
        with self._lock:
            steps = self._columns["loss"].steps
            if not steps:
                return None
            at = bisect_left(steps, step)
            at = at - 1 if at == len(steps) or (count > 0 and steps[at] > step) else at
            return steps[max(0, min(len(steps) - 1, at + count))]

    def span(self) -> tuple[int, int] | None:
        """The first step and the last."""
        with self._lock:
            ends = [(column.steps[0], column.steps[-1]) for column in self._columns.values() if column.steps]
        return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None

    def lowest(self, name: str) -> tuple[int, float] | None:
        with self._lock:
            column = self._columns[name]
            found = [(value, step) for step, value in zip(column.steps, column.values, strict=True) if isfinite(value)]
        return min(found)[::-1] if found else None

    def highest(self, name: str) -> float | None:
        with self._lock:
            return max(filter(isfinite, self._columns[name].values), default=None)

    def step_when(self, moment: float) -> int | None:
        """The last step that was done by then, on the clock of the machine that did it; clocks of others say nothing here."""
        with self._lock:
            times = self._columns["time"]
            at = bisect_right(times.values, moment)
            return times.steps[at - 1] if at else None

    def broken(self, most: int = 100) -> list[int]:
        """The last steps whose loss is no number."""
        with self._lock:
            column = self._columns["loss"]
            return [step for step, y in zip(column.steps, column.values, strict=True) if not isfinite(y)][-most:]


def _rows(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """All at once, which takes a third of the time; one by one where any is no row."""
    try:
        found: list[dict[str, Any]] = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        found = []
    if len(found) == len(lines) and all(type(row) is dict for row in found):
        return found
    return [row for row in map(row_of, lines) if row is not None]


def _rising(steps: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches of steps that rise: where one does not, a stretch was given up before it."""
    if not steps:
        return []
    falls = [] if all(map(lt, steps, steps[1:])) else [at for at in range(1, len(steps)) if steps[at] <= steps[at - 1]]
    return list(zip([0, *falls], [*falls, len(steps)], strict=True))


def _extend(column: Column, steps: Sequence[int], values: Sequence[Any]) -> None:
    """Rows as the trainer writes them without a look at each value."""
    kinds = set(map(type, values))
    if kinds == {type(None)}:
        return
    if kinds <= {float, int}:
        with suppress(OverflowError):
            column.values.extend(array("d", values))
            column.steps.extend(steps)
            return
    pairs = [(step, y) for step, value in zip(steps, values, strict=True) if (y := as_number(value)) is not None]
    column.steps.extend([step for step, _ in pairs])
    column.values.extend([y for _, y in pairs])
