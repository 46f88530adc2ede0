"""The machine and its cards every two seconds into gpu.jsonl, in a process of its own: nvidia-smi can hang, and only this waits for it then."""

from __future__ import annotations

import time
from typing import Any

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append
from trainer.jobs.agent.gpus import Card, cards
from trainer.jobs.agent.host import Host

_SECONDS = 2.0


def sample(job: JobDirectory) -> None:
    """Ends with the supervisor, and on a full disk or where the job was removed. Where nvidia-smi fails or hangs the next may not."""
    host = Host()
    while True:
        began = time.monotonic()
        facts = {"cards": [_short(card) for card in cards()], "host": host.moment()}
        found = {name: fact for name, fact in facts.items() if fact}
        try:
            append(job.gpu, {"time": round(time.time(), 1), **found})
        except OSError:  # the supervisor's business
            return
        time.sleep(max(0.0, _SECONDS - (time.monotonic() - began)))


def _short(card: Card) -> dict[str, Any]:
    return {
        "card": card.index,
        "use": card.use,
        "mib": card.used_mib,
        "of": card.total_mib,
        "watts": card.watts,
        "celsius": card.celsius,
        "fan": card.fan,
        "mhz": card.mhz,
        "who": [[one.owner, one.pid, one.mib] for one in card.occupants],
    }
