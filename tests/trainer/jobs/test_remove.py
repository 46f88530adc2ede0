"""A job that is removed while others write in its directory: it is gone, whole, and nothing of it comes back."""

import contextlib
import threading
from pathlib import Path

from tests.trainer.jobs.elsewhere import make_job, set_state
from trainer.jobs import actions
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import publish
from trainer.jobs.registry import known_in, known_jobs

ROUNDS = 30


def writes(job: JobDirectory, removed: threading.Event) -> None:
    with contextlib.suppress(FileNotFoundError):
        while not removed.is_set():
            publish(job.state, {"state": "CANCELLED"})


def test_one_whose_state_is_written_meanwhile_is_gone_and_stays_gone(home: Path) -> None:
    for _ in range(ROUNDS):
        job = make_job(home, {"name": "옛날"})
        set_state(job, "CANCELLED")
        removed = threading.Event()
        writers = [threading.Thread(target=writes, args=(job, removed)) for _ in range(8)]
        for writer in writers:
            writer.start()
        actions.remove(known_in(job), None)
        removed.set()
        for writer in writers:
            writer.join()
        assert not job.path.exists()
    assert known_jobs() == []
