"""A machine as it is at this moment: its cards with who is on them, its jobs, its queue."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.jobs.agent import states
from trainer.jobs.client import Client


@dataclass(frozen=True)
class Occupied:
    pid: int
    owner: str  # empty: a process of another container
    gib: float
    is_ours: bool  # of the user that we log in as


@dataclass(frozen=True)
class LiveCard:
    index: int
    name: str
    used: int  # bytes
    total: int
    use: int | None  # per cent
    watts: float | None
    celsius: int | None
    occupants: tuple[Occupied, ...]


@dataclass(frozen=True)
class LiveJob:
    id: str
    name: str
    state: str
    place: int  # in the queue, from 1; 0: in none
    facts: Mapping[str, Any]  # of its state


@dataclass(frozen=True)
class Live:
    host: str
    cards: tuple[LiveCard, ...]
    free: int  # bytes of its disk
    jobs: tuple[LiveJob, ...]  # that have not ended: those at work first, then the queue in its order
    asked: float


def live_of(client: Client) -> Live:
    """KullmError where it is not reached."""
    told, listed = client.hello(), client.list()
    return Live(
        host=str(told.get("host") or ""),
        cards=tuple(_card(card, str(told.get("user") or "")) for card in told.get("cards") or ()),
        free=int(told.get("free") or 0),
        jobs=tuple(_jobs(listed.get("jobs") or (), list(listed.get("queue") or ()))),
        asked=time.time(),
    )


def _card(card: Mapping[str, Any], mine: str) -> LiveCard:
    occupants = tuple(
        Occupied(int(one["pid"]), str(one["owner"]), int(one["mib"]) / 1024, bool(mine) and one["owner"] == mine)
        for one in card.get("occupants") or ()
    )
    return LiveCard(
        index=int(card["index"]),
        name=str(card["name"]),
        used=int(card["used_mib"]) << 20,
        total=int(card["total_mib"]) << 20,
        use=card.get("use"),
        watts=card.get("watts"),
        celsius=card.get("celsius"),
        occupants=occupants,
    )


def _jobs(jobs: Sequence[Mapping[str, Any]], queue: Sequence[str]) -> list[LiveJob]:
    places = {job: place for place, job in enumerate(queue, start=1)}
    found = [
        LiveJob(
            id=str(job.get("id")),
            name=str((job.get("spec") or {}).get("name") or ""),
            state=str(job["state"].get("state") or ""),
            place=places.get(str(job.get("id")), 0),
            facts=job["state"],
        )
        for job in jobs
        if isinstance(job.get("state"), dict) and job["state"].get("state") in states.LIVE
    ]
    return sorted(found, key=lambda job: (job.place, job.id))


def live_here() -> Live:
    """This computer's cards, asked for without a process of ours between."""
    import getpass

    from trainer.jobs.agent.gpus import cards

    mine = getpass.getuser()
    return Live("", tuple(_card(card.facts(), mine) for card in cards()), 0, (), time.time())
