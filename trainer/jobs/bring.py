"""What a job elsewhere has, brought here: its files followed while somebody looks, and what it made fetched and kept."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from kullm_tui.core.language import say
from trainer.jobs.actions import remote_directory
from trainer.jobs.client import Client
from trainer.jobs.fetch import Told, fetch
from trainer.jobs.keep import Kept, keep
from trainer.jobs.mirror import Mirror
from trainer.jobs.reach import require_its_machine
from trainer.jobs.registry import KnownJob
from trainer.jobs.trackers.begin import go_along

_ENDING_SECONDS = 10.0
_COME_SECONDS = 15.0

Note = Callable[[str], None]


@contextlib.contextmanager
def mirrored(job: KnownJob, client: Client) -> Iterator[Mirror | None]:
    """What fills the job's directory meanwhile. None for a job of this computer."""
    if not job.machine:
        yield None
        return
    if not job.is_complete:
        go_along(job.directory)
    mirror = Mirror(job.directory, client.transport, remote_directory(job, client))
    thread = threading.Thread(target=mirror.follow, daemon=True)
    thread.start()
    try:
        yield mirror
    finally:
        mirror.stopping.set()
        thread.join(_ENDING_SECONDS)


@contextlib.contextmanager
def followed(job: KnownJob, client: Client) -> Iterator[Mirror | None]:
    """As long as somebody watches it; of a job on a rented machine its newest checkpoint comes here too."""
    with mirrored(job, client) as mirror, _checkpoints_saved(job, client):
        yield mirror


def _checkpoints_saved(job: KnownJob, client: Client) -> contextlib.AbstractContextManager[None]:
    if not job.place.get("lease"):
        return contextlib.nullcontext()
    from trainer.jobs.rented.saving import checkpoints_saved

    return checkpoints_saved(job, client)


def brought_up_to_date(job: KnownJob, client: Client, note: Note) -> KnownJob:
    """With all that its machine has of it by now; of a machine that does not answer, with what has come."""
    if job.is_complete:
        return job
    with mirrored(job, client) as mirror:
        if mirror and not mirror.come.wait(_COME_SECONDS):
            note(
                say(
                    f"{job.machine}: 응답이 없어서 받아 둔 데까지만 표시해요.",
                    f"{job.machine} does not answer: this is as much as has come.",
                )
            )
    return job.again()


def brought_and_kept(job: KnownJob, client: Client, note: Note, told: Told = lambda _here, _all: None) -> Kept:
    """What it made, here and under its name, however often this is asked. KullmError where there is nothing yet."""
    if job.artifacts != "VERIFIED":
        require_its_machine(job)
        fetch(brought_up_to_date(job, client, note), client, told)
    return keep(job.again())
