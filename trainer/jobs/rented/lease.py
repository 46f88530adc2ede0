"""What this computer keeps of a machine that it rented: `rented/NAME.json`, written before the landlord is asked, so that no machine costs unseen."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from trainer.jobs.agent.files import document, publish, turn


@dataclass(frozen=True)
class Lease:
    machine: str
    launcher: str
    label: str  # ours, known before the landlord answers
    hours: float  # after so many it is given back, whatever runs
    price_per_hour: float | None
    asked: float  # when, on this computer's clock
    id: str = ""  # the landlord's name for it; empty: it has not answered yet
    payer: str = ""
    ssh: str = ""  # how it is reached; empty: it is not up yet
    until: float = 0.0  # when it is given back at the latest; 0: not known before it is up

    @property
    def latest(self) -> float:
        return self.until or self.asked + self.hours * 3600

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def new_lease(machine: str, launcher: str, *, hours: float, price_per_hour: float | None) -> Lease:
    return Lease(machine, launcher, secrets.token_hex(8), hours, price_per_hour, round(time.time(), 3))


def lease_of(machine: str) -> Lease | None:
    """None where nothing of that name is rented."""
    return lease_from(document(_file(machine)))


def lease_from(facts: dict[str, Any]) -> Lease | None:
    """None where they are none of a lease."""
    try:
        return Lease(**{field.name: facts[field.name] for field in fields(Lease) if field.name in facts})
    except TypeError:
        return None


def keep(lease: Lease) -> Lease:
    publish(_file(lease.machine), lease.facts())
    return lease


def forget(machine: str) -> None:
    _file(machine).unlink(missing_ok=True)


@contextmanager
def alone(machine: str) -> Iterator[None]:
    """Two commands at once rent one machine."""
    with turn(_file(machine).with_suffix(".lock")):
        yield


def _file(machine: str) -> Path:
    return paths.private_dir(paths.state_dir() / "rented") / f"{machine}.json"
