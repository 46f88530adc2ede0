"""When garbage is looked for. That stops everything, for a tenth of a second once a few replies are there: not while somebody types or reads."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from kullm_tui.ui.conversation.live_replies import under_way

if TYPE_CHECKING:
    from kullm_tui.ui.app import KullmApp

_LOOKED_SECONDS = 10.0
_QUIET_SECONDS = 3.0
# New objects are looked through often, since few of them live; all that lives, only once nobody minds, or after very many.
_THRESHOLDS = (2_000, 20, 1_000)


def begin(app: KullmApp) -> None:
    """Once the app is there: what it is made of stays for good."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    app.set_interval(_LOOKED_SECONDS, lambda: _collect(app))


def _collect(app: KullmApp) -> None:
    if time.monotonic() - app.last_touched > _QUIET_SECONDS and not under_way(app):
        gc.unfreeze()
        gc.collect()
        gc.freeze()
