"""Machines that exist, and cost, only while a job needs them. A landlord is asked four things; what it lets is then reached by ssh as any other.

The landlord has the only word on whether a machine is there. What this computer keeps of it (`lease.py`) is how to ask.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError
from trainer.jobs.rented.lease import Lease

Said = Callable[[str], None]
Stage = Literal["starting", "up", "gone"]


class NotLet(KullmError):
    """The landlord refused for certain: nothing was rented, and nothing costs."""


@dataclass(frozen=True)
class Offer:
    """What would be rented. `price_per_hour` None: the landlord names none."""

    what: str
    gpus: str = ""  # as a plan names them; empty: a processor, or cards that no plan knows
    price_per_hour: float | None = None


@dataclass(frozen=True)
class Standing:
    """What the landlord says of a machine now."""

    stage: Stage
    ssh: str = ""  # how it is reached, once it is up
    left: float | None = None  # seconds until it is given back at the latest
    why: str = ""  # it is gone, in the landlord's words


class Landlord(Protocol):
    def price(self, settings: MachineSettings) -> Offer:
        """Nothing is rented by asking."""
        ...

    def up(self, settings: MachineSettings, lease: Lease, progress: Said) -> Lease:
        """Rented once, however often it is asked for under one label: the lease with the landlord's name for it."""
        ...

    def state(self, lease: Lease) -> Standing: ...

    def down(self, lease: Lease) -> None:
        """Given back; also one that is gone already."""
        ...
