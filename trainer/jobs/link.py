"""Two things about a job that its state does not say: whether its machine is heard, and how far what it made has come."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

LinkState = Literal["LIVE", "STALE", "UNREACHABLE"]
Artifacts = Literal["NONE", "READY", "FETCHING", "VERIFIED"]

SILENT_SECONDS = 15.0  # longer than that without a sign of life, and what is known is old
LOST_SECONDS = 60.0


@dataclass(frozen=True)
class Link:
    state: LinkState
    age: float = 0.0  # seconds since the machine was heard

    @classmethod
    def of(cls, place: Mapping[str, Any], now: float | None = None) -> "Link":
        """By when it was last heard, on this computer's clock; a job of this computer is always heard."""
        if not place.get("machine"):
            return cls("LIVE")
        heard = place.get("heard")
        if not isinstance(heard, int | float):
            return cls("UNREACHABLE")
        age = max(0.0, (time.time() if now is None else now) - heard)
        if age <= SILENT_SECONDS:
            return cls("LIVE", age)
        return cls("UNREACHABLE" if place.get("unreachable") else "STALE", age)
