"""The machine's queue: jobs wait here, on the machine, for cards that nobody uses, in an order that can be changed.

    queue/order.json   the ids of waiting jobs, the next one first
    queue/gpu-UUID     locked by the supervisor of the job that has the card; queue/processor: where a job needs none

A lock goes with its process, so a card is never held by a job that is no more. A card is free where no process is on it, ours or
anybody's, and hardly any memory is used.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Sequence

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, is_locked, private_dir, publish, try_lock, turn
from trainer.jobs.agent.gpus import Card, cards
from trainer.jobs.agent.states import QUEUED

_FREE_MIB = 1024  # what a driver or a desktop may hold on a card that nobody computes on


@dataclass(frozen=True)
class Claim:
    """The cards of a job, held by `locks` as long as this process lives."""

    devices: tuple[str, ...]
    locks: tuple[int, ...]


@dataclass(frozen=True)
class Waiting:
    """`place` in the order, 1 being the first, those that are held counted too. `why`: held, behind (another job), cards (that are free, and who is on the others)."""

    place: int
    why: str
    more: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        return {"place": self.place, "why": self.why, **self.more}


@dataclass(frozen=True)
class Queue:
    root: Path  # the machine's folder of ours

    @property
    def path(self) -> Path:
        return private_dir(self.root / "queue")

    def _job(self, name: str) -> JobDirectory:
        return JobDirectory(self.root / "jobs" / name)

    def claim(self, job: JobDirectory, wanted: int) -> Claim | Waiting:
        """The cards, if it is the job's turn and they are free; asked again and again until then.

        They are looked at between two looks at the order: nvidia-smi may hang, and nobody else's turn waits for it."""
        listed: list[Card] = []
        if wanted:
            with turn(self.path / "turn"):
                waits = self._waiting(job)
            if waits:
                return waits
            listed = visible(cards())
        with turn(self.path / "turn"):
            waits = self._waiting(job)
            if waits:
                return waits
            found = self._cards(listed, wanted) if wanted else self._processor()
            order = self.order()
            if isinstance(found, Waiting):
                return replace(found, place=order.index(job.id) + 1)
            self._write([other for other in order if other != job.id])
            return found

    def _waiting(self, job: JobDirectory) -> Waiting | None:
        """None where it is the job's turn."""
        order = self._joined(job.id)
        place = order.index(job.id) + 1
        if job.hold.exists():
            return Waiting(place, "held")
        ahead = [other for other in order[: place - 1] if not self._job(other).hold.exists()]
        return Waiting(place, "behind", {"job": ahead[0]}) if ahead else None

    def leave(self, job: JobDirectory) -> None:
        with turn(self.path / "turn"):
            self._write([other for other in self.order() if other != job.id])

    def move(self, job: str, place: int) -> bool:
        """The job to that place, 1 being the next; False where it does not wait."""
        with turn(self.path / "turn"):
            order = self.order()
            if job not in order:
                return False
            order.remove(job)
            order.insert(max(0, place - 1), job)
            self._write(order)
            return True

    def order(self) -> list[str]:
        """Those that still wait: a supervisor that died in the queue leaves its place."""
        listed = document(self.path / "order.json").get("jobs")
        return [str(job) for job in listed if self._waits(str(job))] if isinstance(listed, list) else []

    def _joined(self, job: str) -> list[str]:
        order = self.order()
        if job not in order:
            order.append(job)
            self._write(order)
        return order

    def _waits(self, job: str) -> bool:
        directory = self._job(job)
        return document(directory.state).get("state") == QUEUED and is_locked(directory.lock)

    def _write(self, order: list[str]) -> None:
        publish(self.path / "order.json", {"jobs": order})

    def _processor(self) -> Claim | Waiting:
        lock = try_lock(self.path / "processor")
        return Waiting(1, "busy") if lock is None else Claim((), (lock,))

    def _cards(self, listed: Sequence[Card], wanted: int) -> Claim | Waiting:
        held: list[tuple[Card, int]] = []
        for card in listed:
            lock = try_lock(self.path / ("gpu-" + card.uuid)) if is_free(card) else None
            if lock is not None:
                held.append((card, lock))
        taken = held[:wanted] if len(held) >= wanted else []
        for _, lock in held[len(taken) :]:
            os.close(lock)
        if taken:
            return Claim(tuple(card.uuid for card, _ in taken), tuple(lock for _, lock in taken))
        free = {card.uuid for card, _ in held}
        return Waiting(
            1, "cards", {"wanted": wanted, "free": len(free), "cards": len(listed), "on": _others(listed, free)}
        )


def is_free(card: Card) -> bool:
    return not card.occupants and card.used_mib < _FREE_MIB


def visible(listed: Sequence[Card]) -> list[Card]:
    """Those that the machine's owner lets us see."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return list(listed)
    names = [name.strip() for name in named.split(",")]
    return [
        card
        for card in listed
        if str(card.index) in names or any(name and card.uuid.startswith(name) for name in names)
    ]


def _others(listed: Sequence[Card], free: set[str]) -> list[dict[str, Any]]:
    """Who is on the cards that are not free."""
    return [
        {"card": card.index, "mib": card.used_mib, "who": [[one.owner, one.pid, one.mib] for one in card.occupants]}
        for card in listed
        if card.uuid not in free
    ]
