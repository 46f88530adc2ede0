"""The newest checkpoint of a job on a rented machine, brought here while somebody follows it: then no more goes with the machine than the work since.

ckpt/checkpoint-STEP.partial/     as much as has come
ckpt/checkpoint-STEP/             whole, by the sizes and sha256 that its COMPLETE.json says; earlier ones go
"""

import contextlib
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import KullmError
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import private_dir, turn
from trainer.jobs.client import Client
from trainer.jobs.fetch import bring_files, checked_file
from trainer.jobs.overview import take
from trainer.jobs.registry import KnownJob
from trainer.jobs.rented.tenants import lease_of_job

_COMPLETE = "COMPLETE.json"
_MOST_BYTES = 4 << 30  # of an adapter; all of a model's moments would keep the way there busy for hours
_PAUSE_SECONDS = 60.0
_ENDING_SECONDS = 5.0


@contextlib.contextmanager
def checkpoints_saved(job: KnownJob, client: Client) -> Iterator[None]:
    """Now and then, as long as the job is followed. What fails is tried again the next time."""
    if lease_of_job(job) is None:
        yield
        return
    over = threading.Event()

    def now_and_then() -> None:
        while not over.wait(_PAUSE_SECONDS):
            with contextlib.suppress(KullmError, OSError):
                save_newest(job.again(), client)

    thread = threading.Thread(target=now_and_then, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_ENDING_SECONDS)


def save_newest(job: KnownJob, client: Client) -> int:
    """Its step, whole here; 0 where there is none yet, or none that is brought."""
    with turn(job.directory.path / "save.lock"):
        job = take(job, client.show(job.id))
        step = max(job.checkpoints, default=0)
        if not step or step in job.directory.complete_steps():
            return step
        return step if _brought(job, step, client) else 0


def _brought(job: KnownJob, step: int, client: Client) -> bool:
    there, target = f"{job.place['path']}/ckpt/checkpoint-{step}", job.directory.checkpoint(step)
    draft = private_dir(target.with_name(f"{target.name}.partial"))
    (draft / _COMPLETE).unlink(missing_ok=True)
    client.transport.download(there, [_COMPLETE], draft)
    files = _files(draft)
    if not files or sum(int(file["size"]) for file in files) > _MOST_BYTES:
        shutil.rmtree(draft)
        return False
    bring_files(there, files, draft, client)
    draft.rename(target)
    _prune(job.directory, step)
    return True


def _files(draft: Path) -> list[Mapping[str, Any]]:
    try:
        listed = foreign_json.fields(draft / _COMPLETE)["files"]
        return [checked_file({"path": name, **facts}) for name, facts in listed.items()]
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return []


def _prune(job: JobDirectory, newest: int) -> None:
    for entry in job.checkpoints.iterdir():
        if entry.name != f"checkpoint-{newest}" and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
