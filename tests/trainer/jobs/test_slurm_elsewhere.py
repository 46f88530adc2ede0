"""A machine that is reached by ssh and gives its work to a Slurm: one command brings the job there, and its adapter comes back."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import slurm as real_slurm
from tests.kullm_command import kullm
from tests.slurm import Slurm
from tests.sshd import ALIAS, Sshd, sshd
from tests.training import base as base
from tests.training import home as home
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, rows

pytestmark = [pytest.mark.slurm, pytest.mark.fault("Slurm requeue, scancel, kill -9 slurmd")]
_SECONDS = 600.0


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    if reason := real_slurm.missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        yield from real_slurm.begun(Path(folder) / "s", ("node1",), monkeypatch)


@pytest.fixture
def login(tmp_path: Path, slurm: Slurm) -> Iterator[Sshd]:
    with sshd(tmp_path / "sshd", {"SLURM_CONF": str(slurm.configuration)}) as one:
        yield one


def _listed(home: Path, env: dict[str, str]) -> list[dict[str, Any]]:
    done = kullm(home, "jobs", "list", "--json", env=env)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_one_command_trains_through_slurm_and_the_adapter_comes_back(login: Sshd, slurm: Slurm, home: Path) -> None:
    env = {**login.variables, "KULLM_LANG": "en"}
    add = ("machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable)
    added = kullm(home, *add, "--launcher", "slurm", "--partition", "gpu", "--time", "30:00", env=env)
    assert added.returncode == 0, added.stderr
    one = kullm(home, "train", "tiny.toml", "--on", "box", "--name", "night", env=env, seconds=_SECONDS)
    assert one.returncode == 0, one.stderr
    [row] = _listed(home, env)
    assert (row["name"], row["state"], row["artifacts"]) == ("night", states.SUCCEEDED, "VERIFIED")
    job = JobDirectory(login.home / ".kullm" / "jobs" / str(row["id"]))
    theirs = slurm.job(str(document(job.slurm)["job"]))
    assert (theirs["JobState"], theirs["Partition"], theirs["TimeLimit"]) == ("COMPLETED", "gpu", "00:30:00")
    assert [row["step"] for row in rows(job.metrics)] == list(range(1, 13))


def test_a_job_that_waits_in_slurm_says_why_and_is_cancelled_from_here(login: Sshd, slurm: Slurm, home: Path) -> None:
    env = {**login.variables, "KULLM_LANG": "en"}
    add = ("machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable)
    assert kullm(home, *add, "--launcher", "slurm", "--partition", "gpu", env=env).returncode == 0
    slurm.ask("scontrol", "update", "PartitionName=gpu", "State=DOWN")
    done = kullm(home, "train", "tiny.toml", "--on", "box", "--detach", env=env, seconds=_SECONDS)
    assert done.returncode == 0, done.stderr
    [row] = _listed(home, env)
    assert (row["state"], row["queue"]["why"], row["queue"]["reason"]) == (states.QUEUED, "slurm", "PartitionDown")
    assert "PartitionDown" in kullm(home, "jobs", "list", env=env).stdout
    assert kullm(home, "jobs", "cancel", "last", env=env).returncode == 0
    assert [row["state"] for row in _listed(home, env)] == [states.CANCELLED]
    number = str(document(JobDirectory(login.home / ".kullm" / "jobs" / str(row["id"])).slurm)["job"])
    assert slurm.job(number)["JobState"] == "CANCELLED"
