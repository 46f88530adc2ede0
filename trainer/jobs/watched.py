"""One job as it is watched: its files read as they grow, in a thread, and what they come to, whole, for whoever draws it.

Nothing is asked of anybody: of a job elsewhere its mirror is read, which another fills. Garbage is counted and passed over, and no file is held
in memory beyond what is shown of it.
"""

import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.jobs.agent.files import document, row_of
from trainer.jobs.alarms import Alarm, alarms, silence
from trainer.jobs.history import as_number, as_step
from trainer.jobs.machine_past import MachinePast
from trainer.jobs.metrics import Metrics
from trainer.jobs.overview import Standing, standing
from trainer.jobs.reckoning import Reckoning, reckoning
from trainer.jobs.registry import directory_of, known_in
from trainer.jobs.tail import Tail

_MOST_EVENTS, _MOST_SAMPLES = 5000, 2000
_CARD_MOMENTS = 240  # of a sparkline: eight minutes
_CARD_BYTES = 1 << 19  # of the end of gpu.jsonl, where a watch begins
_MOST_CARDS = 64


@dataclass(frozen=True)
class Sample:
    step: int
    prompt: str
    reply: str
    tokens: int | None = None
    ended: bool = True


@dataclass(frozen=True)
class CardMoment:
    """One card at its newest moment, with what its use was before."""

    index: int
    use: float | None
    mib: float
    of: float
    watts: float | None
    celsius: float | None
    fan: float | None = None
    mhz: float | None = None
    who: tuple[tuple[str, int, float], ...] = ()  # owner, process, MiB
    uses: tuple[float, ...] = ()


@dataclass(frozen=True)
class HostMoment:
    """The machine at its newest moment, with how busy its processor was before."""

    use: float | None
    mib: float
    of: float
    swap: float
    received: float | None  # bytes a second
    sent: float | None
    uses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Look:
    """All that was seen at once."""

    standing: Standing
    reckoning: Reckoning
    cards: tuple[CardMoment, ...] = ()
    host: HostMoment | None = None
    samples: tuple[Sample, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    silence: str = ""
    best: Mapping[str, Any] = field(default_factory=dict)  # step, eval_loss
    malformed: int = 0  # lines, of all its files
    more: bool = False  # not all that is there has been read
    past: int = 0  # seconds of the machine's past that were read


class Watched:
    def __init__(self, job: str) -> None:
        self.job = directory_of(job)
        self.metrics = Metrics(self.job.metrics)
        self.machine_past = MachinePast(self.job.gpu)
        self._events = _Rows(self.job.events, _MOST_EVENTS)
        self._samples = _Rows(self.job.samples, _MOST_SAMPLES)
        self._cards = _Rows(self.job.gpu, _CARD_MOMENTS, last=_CARD_BYTES)
        self._peak: float | None = None
        self._alarmed: tuple[tuple[int, int], tuple[Alarm, ...]] = ((-1, -1), ())

    def look(self, seconds: float = 0.3, *, past: bool = False) -> Look:
        """In a thread. Reads for about so long; what is left then is read by the next look, and what went wrong is told by the last.
        `past`: of the machine as well, which is as much again and only looked at in one place."""
        ends, more = time.monotonic() + seconds, True
        while more and time.monotonic() < ends:
            more = self.metrics.read()
        more_past = past and self.machine_past.read(ends)
        for rows in (self._events, self._samples, self._cards):
            rows.read()
        known = known_in(self.job)
        now = standing(known)
        self._peak = self._peak if more else self.metrics.highest("memory_bytes")
        return Look(
            now,
            reckoning(known, peak=self._peak, left=now.progress.eta_s),
            cards=cards_of(self._cards.rows),
            host=host_of(self._cards.rows),
            samples=samples_of(self._samples.rows),
            alarms=self._alarmed[1] if more else self._alarms(),
            silence="" if known.machine else silence(self.job, now.state),
            best=document(self.job.best) or _best(self.metrics),
            malformed=self.metrics.malformed + sum(one.malformed for one in (self._events, self._samples, self._cards)),
            more=more or more_past,
            past=(self.machine_past.whole or (0, 0))[1],
        )

    def _alarms(self) -> tuple[Alarm, ...]:
        seen = (self.metrics.version, self._events.count)
        if self._alarmed[0] != seen:
            self._alarmed = seen, tuple(alarms(self._events.rows, self.metrics))
        return self._alarmed[1]


class _Rows:
    """The last so many rows of a file that grows; `last`: begun that many bytes before its end."""

    def __init__(self, path: Path, most: int, *, last: int = 0) -> None:
        self._tail = Tail(path, _near_the_end(path, last) if last else 0)
        self._rows: deque[dict[str, Any]] = deque(maxlen=most)
        self._cut = bool(self._tail.place)  # the first line is the end of one
        self.count = self.malformed = 0

    @property
    def rows(self) -> Sequence[dict[str, Any]]:
        return self._rows

    def read(self) -> None:
        while True:
            anew = self._tail.begun_anew
            data = self._tail.data()
            if self._tail.begun_anew != anew:
                self._rows.clear()
                self._cut, self.malformed = False, 0
            if not data:
                return
            lines = [line for line in data.split(b"\n") if line][self._cut :]
            self._cut = False
            found = [row for line in lines if (row := row_of(line)) is not None]
            self.malformed += len(lines) - len(found)
            self._rows.extend(found)
            self.count += len(found)


def _near_the_end(path: Path, count: int) -> int:
    try:
        with path.open("rb") as file:
            return max(0, file.seek(0, os.SEEK_END) - count)
    except OSError:
        return 0


def _best(metrics: Metrics) -> dict[str, Any]:
    """Of a job elsewhere, whose checkpoints are not here."""
    found = metrics.lowest("eval_loss")
    return {"step": found[0], "eval_loss": found[1]} if found else {}


def samples_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Sample, ...]:
    """By their steps; after a resume the later reply counts, and what was given up is gone."""
    found: dict[tuple[int, str], Sample] = {}
    last = 0
    for row in rows:
        step = as_step(row.get("step"))
        if step is None or not isinstance(row.get("prompt"), str) or not isinstance(row.get("reply"), str):
            continue
        if step < last:
            found = {key: one for key, one in found.items() if key[0] < step}
        last = step
        found[step, row["prompt"]] = Sample(
            step, row["prompt"], row["reply"], as_step(row.get("tokens")), row.get("ended") is not False
        )
    return tuple(found.values())


def cards_of(rows: Sequence[Mapping[str, Any]]) -> tuple[CardMoment, ...]:
    """As the newest row has them; fields of another kind than they should be are as if they were not there."""
    uses: dict[int, list[float]] = {}
    newest: dict[int, Mapping[str, Any]] = {}
    for row in rows:
        told = row.get("cards")
        newest = {}
        for card in told[:_MOST_CARDS] if isinstance(told, list) else ():
            index = as_step(card.get("card")) if isinstance(card, dict) else None
            if index is not None:
                newest[index] = card
                uses.setdefault(index, []).append(as_number(card.get("use")) or 0.0)
    return tuple(_moment(index, card, uses[index]) for index, card in sorted(newest.items()))


def _moment(index: int, card: Mapping[str, Any], uses: Sequence[float]) -> CardMoment:
    use, watts, celsius, fan, mhz = (as_number(card.get(name)) for name in ("use", "watts", "celsius", "fan", "mhz"))
    mib, of = (as_number(card.get(name)) or 0.0 for name in ("mib", "of"))
    told = card.get("who")
    who = [one for one in told if isinstance(one, list) and len(one) == 3] if isinstance(told, list) else []
    occupants = tuple((str(owner), as_step(pid) or 0, as_number(took) or 0.0) for owner, pid, took in who)
    return CardMoment(index, use, mib, of, watts, celsius, fan, mhz, occupants, tuple(uses))


def host_of(rows: Sequence[Mapping[str, Any]]) -> HostMoment | None:
    told = [host for row in rows if isinstance(host := row.get("host"), dict)]
    if not told:
        return None
    use, mib, of, swap, received, sent = (
        as_number(told[-1].get(name)) for name in ("use", "mib", "of", "swap", "in", "out")
    )
    uses = tuple(as_number(host.get("use")) or 0.0 for host in told)
    return HostMoment(use, mib or 0.0, of or 0.0, swap or 0.0, received, sent, uses)
