"""When garbage is looked for. That stops everything, for a tenth of a second once a few replies are there: not while somebody types or reads."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from textual.app import App

_LOOKED_SECONDS = 10.0
_QUIET_SECONDS = 3.0
# New objects are looked through often, since few of them live; all that lives, only once nobody minds, or after very many.
_THRESHOLDS = (2_000, 20, 1_000)


def begin(app: App[Any], quiet_since: Callable[[], float], is_busy: Callable[[], bool]) -> None:
    """Once the app is there: what it is made of stays for good."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    app.set_interval(_LOOKED_SECONDS, lambda: _collect(quiet_since(), busy=is_busy()))


def _collect(quiet_since: float, *, busy: bool) -> None:
    if time.monotonic() - quiet_since > _QUIET_SECONDS and not busy:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
