"""The cards every two seconds into gpu.jsonl, in a process of its own: nvidia-smi can hang, and only this waits for it then."""

from __future__ import annotations

import shutil
import time
from typing import Any, Sequence

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append
from trainer.jobs.agent.gpus import Card, cards

_SECONDS = 2.0


def sample(job: JobDirectory) -> None:
    """Ends where there is no nvidia-smi, and with the supervisor. Where that fails or hangs the next may not."""
    while shutil.which("nvidia-smi"):
        began = time.monotonic()
        found = cards()
        if found and not _written(job, found):
            return
        time.sleep(max(0.0, _SECONDS - (time.monotonic() - began)))


def _written(job: JobDirectory, found: Sequence[Card]) -> bool:
    """False on a full disk, or where the job was removed: the supervisor's business."""
    try:
        append(job.gpu, {"time": round(time.time(), 1), "cards": [_short(card) for card in found]})
    except OSError:
        return False
    return True


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
