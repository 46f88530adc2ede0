"""The cards every two seconds into gpu.jsonl, in a process of its own: nvidia-smi can hang, and only this waits for it then."""

from __future__ import annotations

import time
from typing import Any

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append
from trainer.jobs.agent.gpus import Card, cards

_SECONDS = 2.0


def sample(job: JobDirectory) -> None:
    """Ends where there are no cards to look at, and with the supervisor."""
    while True:
        began = time.monotonic()
        found = cards()
        if not found:
            return
        try:
            append(job.gpu, {"time": round(time.time(), 1), "cards": [_short(card) for card in found]})
        except OSError:
            return  # a full disk, a removed job: the supervisor's business
        time.sleep(max(0.0, _SECONDS - (time.monotonic() - began)))


def _short(card: Card) -> dict[str, Any]:
    return {
        "card": card.index,
        "use": card.use,
        "mib": card.used_mib,
        "of": card.total_mib,
        "watts": card.watts,
        "celsius": card.celsius,
        "who": [[one.owner, one.pid, one.mib] for one in card.occupants],
    }
