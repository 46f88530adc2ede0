"""Another folder of this computer as a machine elsewhere: the real agent over it, jobs whose supervisor the test plays, and faults of the way there."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import private_dir, publish, try_lock
from trainer.jobs.agent.processes import incarnation
from trainer.jobs.client import Client
from trainer.jobs.registry import new_id, put_down
from trainer.jobs.transports.local import LocalTransport

SECONDS = 120.0


@dataclass(frozen=True)
class FaultyTransport(LocalTransport):
    """Its streams can be cut (killed) and black-holed (stopped)."""

    streams: list["Popen[bytes]"] = field(default_factory=list)

    def stream(self, verb: str, *arguments: str) -> "Popen[bytes]":
        self.streams.append(super().stream(verb, *arguments))
        return self.streams[-1]

    def cut(self) -> None:
        self.streams[-1].kill()

    def hole(self) -> None:
        self.streams[-1].send_signal(signal.SIGSTOP)


@contextlib.contextmanager
def running(job: JobDirectory, **facts: Any) -> Iterator[None]:
    """As under a supervisor: the lock is held, the state is its word."""
    handle = try_lock(private_dir(job.path) / "lock")
    assert handle is not None
    set_state(job, "RUNNING", **facts)
    try:
        yield
    finally:
        os.close(handle)


def set_state(job: JobDirectory, state: str, **facts: Any) -> None:
    known = {"start": 1, "attempt": 1, "incarnation": incarnation()}
    publish(job.state, {**known, "state": state, **facts})


def make_job(root: Path, spec: Mapping[str, Any] | None = None) -> JobDirectory:
    job = JobDirectory(private_dir(root / "jobs" / new_id()))
    publish(job.spec, {"schema": SCHEMA, "name": "far", "recipe": {"name": "tiny"}, **(spec or {})})
    return job


def add_rows(job: JobDirectory, steps: range, /, **more: Any) -> None:
    lines = [json.dumps({"step": step, "loss": 4 / step, "글": "가나다", **more}, ensure_ascii=False) for step in steps]
    with job.metrics.open("ab") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def dispatched(home: Path, there: Path, spec: Mapping[str, Any], **launch: Any) -> JobDirectory:
    """A job of `there`, begun, as the home knows it that sent it; the machine's name is `box`."""
    client, job = Client("box", LocalTransport(there)), JobDirectory(private_dir(home / "jobs" / new_id()))
    put_down(job, machine="box")
    publish(job.spec, spec)
    path = client.stage(job.id, spec)
    put_down(job, path=path)
    environment = {"KULLM_HOME": str(there), "PYTHONPATH": str(Path(__file__).parents[3])}
    client.start(job.id, {"start": 1, "python": sys.executable, "environment": environment, **launch})
    return job
