"""What a machine and its cards did over the whole of a job: its gpu.jsonl from the beginning, read in pieces while somebody looks at it.

Figures stand by seconds since the first of them. Where nothing was told for a while (the job had stopped, the machine hung) a NaN says so, and a
curve of more points than are worth drawing is thinned as the job's own are. One thread reads, another draws.
"""

import math
import threading
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.jobs.agent.files import row_of
from trainer.jobs.column import Column, Points
from trainer.jobs.history import as_number, as_step
from trainer.jobs.tail import Tail

OF_A_CARD = ("use", "mib", "watts", "celsius", "mhz")
OF_THE_HOST = ("use", "mib", "swap", "in", "out")
HOST = -1  # in place of a card's number
Figure = tuple[int, str]  # of which card, or the host; which

_AT_ONCE = 1 << 17
_MOST_CARDS = 64
_MOST = 1 << 14  # points of a figure, of which eight cards have forty
_SILENCE_SECONDS = 30  # of rows that come every two


class MachinePast:
    def __init__(self, path: Path) -> None:
        self._tail = Tail(path, 0, at_once=_AT_ONCE)
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._columns: dict[Figure, Column] = {}
        self._begin: float | None = None
        self._last = 0

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, ends: float) -> bool:
        """Until then, on the monotonic clock. True where more is to be read."""
        while self._piece():
            if time.monotonic() >= ends:
                return True
        return False

    def _piece(self) -> bool:
        anew = self._tail.begun_anew
        data = self._tail.data()
        rows = [row for line in data.split(b"\n") if line and (row := row_of(line)) is not None]
        with self._lock:
            if self._tail.begun_anew != anew:
                self._clear()
            found: dict[Figure, tuple[array[int], array[float]]] = {}
            for row in rows:
                self._take(row, found)
            for figure, (seconds, values) in found.items():
                self._columns.setdefault(figure, Column(most=_MOST)).extend(seconds, values)
        return bool(data)

    def _take(self, row: Mapping[str, Any], found: dict[Figure, tuple["array[int]", "array[float]"]]) -> None:
        told = as_number(row.get("time"))
        if told is None or not math.isfinite(told):
            return
        if self._begin is None:
            self._begin = told
        elif told - self._begin < self._last + 1:
            return  # its clock was set back, or tells nothing new
        second = int(told - self._begin)
        silent = second - self._last > _SILENCE_SECONDS
        for figure, value in _figures(row):
            seconds, values = found.setdefault(figure, (array("q"), array("d")))
            if silent and (seconds or figure in self._columns):
                seconds.append(self._last + 1)
                values.append(math.nan)
            seconds.append(second)
            values.append(value)
        self._last = second

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def cards(self) -> list[int]:
        """Of which something was told."""
        with self._lock:
            return sorted({card for card, _ in self._columns if card != HOST})

    def has(self, figure: Figure) -> bool:
        return figure in self._columns

    def points(self, figure: Figure, most: int, span: tuple[float, float]) -> Points:
        with self._lock:
            column = self._columns.get(figure)
            return column.points(most, span) if column else ()

    def at(self, figure: Figure, second: float) -> float | None:
        """As it was told last before that moment; of the first moment its own."""
        with self._lock:
            column = self._columns.get(figure)
            if column is None:
                return None
            return column.values[max(0, column.part((second, second))[1] - 1)]

    @property
    def whole(self) -> tuple[int, int] | None:
        """The first second and the last."""
        return (0, self._last) if self._columns else None


def _figures(row: Mapping[str, Any]) -> Iterator[tuple[Figure, float]]:
    cards: Sequence[Any] = told if isinstance(told := row.get("cards"), list) else ()
    for card in cards[:_MOST_CARDS]:
        index = as_step(card.get("card")) if isinstance(card, dict) else None
        if index is not None:
            yield from _numbers(index, card, OF_A_CARD)
    if isinstance(host := row.get("host"), dict):
        yield from _numbers(HOST, host, OF_THE_HOST)


def _numbers(of: int, told: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[Figure, float]]:
    for name in names:
        value = as_number(told.get(name))
        if value is not None:
            yield (of, name), value
