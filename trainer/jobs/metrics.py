"""A job's curves as they grow: its metrics read once, in pieces, from where reading stopped; the room that they take has an end.

A curve of more than MOST points is thinned by lowest and highest, so that every point that is left was measured. One thread reads, another draws.
"""

import re
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isfinite
from operator import itemgetter, lt
from pathlib import Path
from typing import Any

from trainer.jobs.agent.files import row_of
from trainer.jobs.column import Column, Points
from trainer.jobs.history import as_number, as_step
from trainer.jobs.tail import Tail

FIELDS = ("loss", "eval_loss", "lr", "grad_norm", "tokens_per_s", "mfu", "memory_bytes", "eta_s", "time")
OF_PAIRS = (
    *("margin", "accuracy", "chosen_logp", "rejected_logp", "chosen_gain", "rejected_gain"),
    *("chosen_length", "rejected_length", "sft_loss", "eval_margin", "eval_accuracy", "eval_chosen_gain"),
)
MOST = 1 << 17
_MOST_SKIPPED = 1000
_SOMETIMES = ("mfu", "eval_loss", *OF_PAIRS)  # not in every row
_TELLING = 4000  # points of a field that hold its lowest, its highest, and whether one is no number
_N = r"-?\d++(?:\.\d++)?+(?:[eE][+-]?\d++)?+|NaN|-?Infinity"  # possessive: never taken back to try again, a quarter faster
_NO_PAIRS = ("sft_loss", "eval_margin", "eval_accuracy", "eval_chosen_gain")
_PAIR = tuple(name for name in OF_PAIRS if name not in _NO_PAIRS)


def _row(*, of_pairs: bool) -> re.Pattern[bytes]:
    """As the trainer writes it. A batch, or an evaluation, may have no pair in it."""
    kept = {*FIELDS, *OF_PAIRS}

    def fields(*names: str) -> str:
        return "".join(f', "{name}": ' + (f"(?P<{name}>{_N})" if name in kept else f"(?:{_N})") for name in names)

    pair = f"(?:{fields(*_PAIR)})?+(?:{fields('sft_loss')})?+" if of_pairs else ""
    asked = f"(?:{fields(*(f'eval_{name}' for name in _PAIR))})?+(?:{fields('eval_sft_loss')})?+" if of_pairs else ""
    begin = r'^\{"step": (?P<step>\d{1,15}), "epoch": [\d.e+-]++' + fields("loss", "lr", "grad_norm")
    done = r', "tokens": \d++, "skipped": (?P<skipped>true|false)' + pair + fields("tokens_per_s")
    pace = r', "steps": \d++' + fields("eta_s") + f"(?:{fields('mfu')})?+(?:{fields('eval_loss')})?+" + asked
    end = r', "memory_bytes": (?P<memory_bytes>\d+)' + fields("time") + r"\}$"
    return re.compile((begin + done + pace + end).encode(), re.MULTILINE)


_ROW, _ROW_OF_PAIRS = _row(of_pairs=False), _row(of_pairs=True)
_AT_ONCE = 1 << 18  # a piece is parsed in a few milliseconds, in which no key is answered


class Metrics:
    def __init__(self, path: Path) -> None:
        self._tail = Tail(path, 0, at_once=_AT_ONCE)
        self._lock = threading.Lock()
        self._clear()
        self.version = 0  # changes with what there is to draw

    def _clear(self) -> None:
        self._columns = {name: Column(most=MOST) for name in (*FIELDS, *OF_PAIRS)}
        self._last: Mapping[str, Any] = {}
        self.skipped: list[int] = []
        self.malformed = 0

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self) -> bool:
        """A piece of what is new. False where there was nothing."""
        anew = self._tail.begun_anew
        data = self._tail.data()
        usual = _usual(data)
        lines = [line for line in data.split(b"\n") if line] if usual is None else []
        found = [row for row in map(row_of, lines) if row is not None]
        with self._lock:
            if self._tail.begun_anew != anew:
                self._clear()
                self.version += 1
            if not data:
                return False
            if usual is not None:
                self._take_usual(usual, data)
            self.malformed += len(lines) - len(found)
            rows = [row for row in found if as_step(row.get("step")) is not None]
            for begin, end in _rising([row["step"] for row in rows]):
                self._take(rows[begin:end])
            self.version += 1
        return True

    def _take(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Whose steps rise."""
        steps = [row["step"] for row in rows]
        self._give_up(steps[0])
        self._skip([row["step"] for row in rows if row.get("skipped") is True])
        for name, column in self._columns.items():
            column.extend(*_numbers(steps, [row.get(name) for row in rows]))
        self._last = rows[-1]

    def _take_usual(self, usual: Mapping[str, Sequence[bytes]], data: bytes) -> None:
        """As many steps as numbers of each field, but for those that are not in every row."""
        steps = array("q", map(int, usual["step"]))
        self._give_up(steps[0])
        self._skip([step for step, text in zip(steps, usual["skipped"], strict=True) if text == b"true"])
        for name, column in self._columns.items():
            texts = usual.get(name, ())
            if name in _SOMETIMES and not all(texts):
                pairs = [(step, float(text)) for step, text in zip(steps, texts, strict=True) if text]
                column.extend(array("q", [step for step, _ in pairs]), array("d", [y for _, y in pairs]))
            elif texts:
                column.extend_later(steps, b",".join(texts))
        self._last = row_of(data[data.rfind(b"\n", 0, -1) + 1 :]) or {}

    def _give_up(self, step: int) -> None:
        while self.skipped and self.skipped[-1] >= step:
            self.skipped.pop()
        for column in self._columns.values():
            column.give_up(step)

    def _skip(self, steps: Sequence[int]) -> None:
        self.skipped += steps
        del self.skipped[:-_MOST_SKIPPED]

    def _settled(self, name: str) -> Column:
        """With the lock held."""
        return self._columns[name].settle()

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def last(self) -> Mapping[str, Any]:
        """The newest row."""
        return self._last

    def has(self, name: str) -> bool:
        return not self._columns[name].is_empty

    def points(self, name: str, most: int, span: tuple[float, float] | None = None) -> Points:
        """As many as are worth drawing."""
        with self._lock:
            return self._columns[name].points(most, span)

    def at(self, name: str, step: float) -> tuple[int, float] | None:
        """The point nearest to it."""
        with self._lock:
            column = self._settled(name)
            steps, values = column.steps, column.values
            after = bisect_left(steps, step)
            near = [place for place in (after - 1, after) if 0 <= place < len(steps)]
            if not near:
                return None
            place = min(near, key=lambda one: abs(steps[one] - step))
            return steps[place], values[place]

    def span(self) -> tuple[int, int] | None:
        """The first step and the last."""
        with self._lock:
            ends = [column.ends for column in self._columns.values() if not column.is_empty]
        return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None

    def lowest(self, name: str) -> tuple[int, float] | None:
        found = ((value, step) for step, value in self.points(name, _TELLING) if isfinite(value))
        value, step = min(found, default=(None, 0))
        return None if value is None else (int(step), value)

    def highest(self, name: str) -> float | None:
        return max((value for _, value in self.points(name, _TELLING) if isfinite(value)), default=None)

    def step_when(self, moment: float) -> int | None:
        """The last step that was done by then, on the clock of the machine that did it; clocks of others say nothing here."""
        with self._lock:
            times = self._settled("time")
            at = bisect_right(times.values, moment)
            return times.steps[at - 1] if at else None

    def broken(self, most: int = 100) -> list[int]:
        """The last steps whose loss is no number."""
        if isfinite(sum(map(itemgetter(1), self.points("loss", _TELLING)))):
            return []
        with self._lock:
            column = self._settled("loss")
            return [step for step, y in zip(column.steps, column.values, strict=True) if not isfinite(y)][-most:]


def _usual(data: bytes) -> Mapping[str, Sequence[bytes]] | None:
    """Rows as the trainer writes them, taken apart without a parser: in a third of its time. None where any is otherwise, or a step does not rise."""
    row = _ROW_OF_PAIRS if b'"margin": ' in data or b'"sft_loss": ' in data else _ROW
    found = row.findall(data)
    if not found or len(found) != data.count(b"\n"):
        return None
    fields = dict(zip(row.groupindex, zip(*found, strict=True), strict=True))
    steps = list(map(int, fields["step"]))
    return fields if all(map(lt, steps, steps[1:])) else None


def _rising(steps: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches of steps that rise: where one does not, a stretch was given up before it."""
    if not steps:
        return []
    falls = [] if all(map(lt, steps, steps[1:])) else [at for at in range(1, len(steps)) if steps[at] <= steps[at - 1]]
    return list(zip([0, *falls], [*falls, len(steps)], strict=True))


def _numbers(steps: Sequence[int], values: Sequence[Any]) -> tuple["array[int]", "array[float]"]:
    """Those that are numbers; nearly always all, or none."""
    kinds = set(map(type, values))
    if kinds == {type(None)}:
        return array("q"), array("d")
    if kinds <= {float, int}:
        with suppress(OverflowError):
            return array("q", steps), array("d", values)
    pairs = [(step, y) for step, value in zip(steps, values, strict=True) if (y := as_number(value)) is not None]
    return array("q", [step for step, _ in pairs]), array("d", [y for _, y in pairs])
