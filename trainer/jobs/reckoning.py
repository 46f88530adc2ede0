"""What was reckoned before a job began, and what it came to: memory, hours, price."""

from dataclasses import dataclass
from typing import Any

from trainer.jobs.history import as_number, seconds_at_work
from trainer.jobs.registry import KnownJob


@dataclass(frozen=True)
class Reckoning:
    """What nobody knows is None."""

    memory_predicted: float | None = None  # bytes a card
    memory_actual: float | None = None
    seconds_predicted: float | None = None
    basis: str = ""  # of those seconds: measured, or reckoned
    seconds_worked: float = 0.0
    seconds_left: float | None = None  # by the trainer's own pace
    price_per_hour: float | None = None

    @property
    def seconds_in_all(self) -> float | None:
        """Worked and left; None where nobody knows what is left."""
        return None if self.seconds_left is None else self.seconds_worked + self.seconds_left

    def price(self, seconds: float | None) -> float | None:
        if not self.price_per_hour or seconds is None:
            return None
        return self.price_per_hour * seconds / 3600


def reckoning(job: KnownJob, *, peak: float | None, left: float | None = None) -> Reckoning:
    """`peak`: the most bytes that its metrics tell of."""
    spec: dict[str, Any] = job.spec
    plan, where = spec.get("predicted") or {}, spec.get("machine") or {}
    return Reckoning(
        memory_predicted=as_number(plan.get("memory_bytes")),
        memory_actual=peak,
        seconds_predicted=as_number(plan.get("seconds")),
        basis=str(plan.get("seconds_are") or ""),
        seconds_worked=seconds_at_work(job),
        seconds_left=left,
        price_per_hour=as_number(where.get("price_per_hour")),
    )
