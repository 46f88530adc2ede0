"""All machines' jobs in one list: quickly, whatever their files have grown to, and whatever a machine does."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.errors import KullmError
from tests.trainer.jobs.elsewhere import add_rows, make_job, running, set_state
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, private_dir, publish
from trainer.jobs.client import Client
from trainer.jobs.differences import differences
from trainer.jobs.overview import standings
from trainer.jobs.reach import client_of
from trainer.jobs.registry import known_in, put_down
from trainer.jobs.transports.local import LocalTransport

_TERABYTE = 1 << 40


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))


def _mirror(tmp_path: Path, there: JobDirectory, machine: str) -> JobDirectory:
    job = JobDirectory(private_dir(tmp_path / "jobs" / there.id))
    put_down(job, machine=machine)
    publish(job.spec, document(there.spec))
    return job


def test_the_list_reads_the_ends_of_files_alone(tmp_path: Path) -> None:
    """A terabyte of holes in front of the last row: nobody reads that through."""
    job = make_job(tmp_path)
    for file in (job.metrics, job.gpu, job.log(1)):
        private_dir(file.parent)
        with file.open("wb") as sparse:
            sparse.truncate(_TERABYTE)
            sparse.seek(0, 2)
            sparse.write(b'\n{"step": 7, "steps": 9, "loss": 1.5, "eta_s": 2.0}\n')
    set_state(job, "SUCCEEDED")
    [row] = [one.row() for one in standings(client_of)]
    assert (row["step"], row["steps"], row["loss"]) == (7, 9, 1.5)


def test_a_machine_is_asked_once_for_all_its_jobs_and_an_ended_one_not_at_all(tmp_path: Path) -> None:
    asked: list[str] = []
    jobs = [make_job(tmp_path / "there") for _ in range(3)]
    mirrors = [_mirror(tmp_path, there, "box") for there in jobs]
    set_state(_mirror(tmp_path, make_job(tmp_path / "old"), "old"), "SUCCEEDED")

    def reach(machine: str) -> Client:
        asked.append(machine)
        return Client(machine, LocalTransport(tmp_path / "there"))

    add_rows(jobs[0], range(1, 30))
    with running(jobs[0]):
        found = {one.job.id: one.row() for one in standings(reach)}
    assert asked == ["box"]
    assert found[jobs[0].id]["state"] == "RUNNING"
    assert found[jobs[0].id]["step"] == 29
    assert found[jobs[0].id]["link"] == "LIVE"
    assert not mirrors[0].metrics.exists()  # what is listed is not followed: a mirror's length is how far it has come


def test_a_machine_that_hangs_holds_up_nobody_and_its_job_is_what_it_was(tmp_path: Path) -> None:
    job = _mirror(tmp_path, make_job(tmp_path / "there"), "box")
    set_state(job, "RUNNING")
    released = threading.Event()

    @dataclass(frozen=True)
    class Hanging(LocalTransport):
        def call(self, _verb: str, _question: object) -> dict[str, Any]:
            released.wait()
            raise KullmError("gone")

    began = time.monotonic()
    [one] = standings(lambda machine: Client(machine, Hanging()), seconds=0.2)
    assert not released.is_set()
    released.set()
    assert time.monotonic() - began < 60
    assert (one.state_name, one.row()["link"]) == ("RUNNING", "UNREACHABLE")


def test_a_link_grows_old_by_what_was_heard_and_is_unreachable_only_when_nobody_answered(tmp_path: Path) -> None:
    job = _mirror(tmp_path, make_job(tmp_path / "there"), "box")
    put_down(job, heard=time.time())
    assert known_in(job).link.state == "LIVE"
    put_down(job, heard=time.time() - 100)
    link = known_in(job).link
    assert link.state == "STALE"
    assert link.age >= 100
    put_down(job, unreachable=True)
    assert known_in(job).link.state == "UNREACHABLE"


def test_only_what_differs_is_told_and_what_one_has_alone_too() -> None:
    one = {"name": "a", "summary": "이것", "train": {"epochs": 3, "seed": 1}, "data": {"columns": {}}}
    other = {"name": "a", "summary": "저것", "train": {"epochs": 5, "seed": 1}, "data": {"columns": {"x": "y"}}}
    found = {each.place: each.values for each in differences(one, other)}
    assert found == {"train.epochs": (3, 5), "data.columns": ({}, None), "data.columns.x": (None, "y")}
    assert differences(one, one) == []
