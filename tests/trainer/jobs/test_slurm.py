"""The same jobs through a real Slurm: waiting, at work, stopped by either side, run again, over two nodes; what it says and what we say agree."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import slurm as real_slurm
from tests.slurm import Slurm
from tests.trainer.jobs.here import Here, Job, wait_until
from tests.trainer.jobs.here import here as here
from tests.training import base as base
from tests.training import home as home
from trainer.jobs.agent import slurm as slurm_agent
from trainer.jobs.agent import states
from trainer.jobs.agent.files import document
from trainer.jobs.agent.files import rows as read_rows
from trainer.jobs.client import JobRefused

pytestmark = [pytest.mark.slurm, pytest.mark.fault("Slurm requeue, scancel, kill -9 slurmd")]
_AT_WORK = "row(1, cards=os.environ.get('CUDA_VISIBLE_DEVICES'))\nwhile not (job / 'go').exists(): time.sleep(0.02)"
PLAIN: dict[str, Any] = {"partition": "gpu"}
# What Slurm says when we say so. A job that ended, it knows no better than by its code.
THEIRS = {
    states.QUEUED: "PENDING",
    states.RUNNING: "RUNNING",
    states.SUCCEEDED: "COMPLETED",
    states.FAILED: "FAILED",
    states.CANCELLED: "CANCELLED",
    states.LOST: "FAILED",
}


@pytest.fixture
def short() -> Iterator[Path]:
    """A socket's path has a hundred letters at most, and Slurm adds some; a test's own folder is long in a worker of many."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        yield Path(folder)


@pytest.fixture
def slurm(short: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    if reason := real_slurm.missing():
        pytest.skip(reason)
    yield from real_slurm.begun(short / "s", ("node1",), monkeypatch)


@pytest.fixture
def two_nodes(short: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    if reason := real_slurm.missing():
        pytest.skip(reason)
    yield from real_slurm.begun(short / "s", ("node1", "node2"), monkeypatch)


@pytest.fixture
def preempting(short: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """With a partition whose jobs push those of the other aside."""
    if reason := real_slurm.missing():
        pytest.skip(reason)
    more = "PreemptType=preempt/partition_prio\nPreemptMode=REQUEUE\nPartitionName=dear Nodes=ALL PriorityTier=9\n"
    yield from real_slurm.begun(short / "s", ("node1",), monkeypatch, more=more)


def number(job: Job) -> str:
    return str(document(job.directory.slurm)["job"])


def agree(slurm: Slurm, job: Job, state: str, theirs: str = "") -> dict[str, Any]:
    """Both come to say the same, and the agent what its supervisor wrote."""
    wanted = theirs or THEIRS[state]
    wait_until(
        lambda: slurm.job(number(job)).get("JobState") == wanted and job.asked()["state"] == state,
        lambda: f"{slurm.job(number(job))}\n{job.asked()}\n{job.told()}\n{slurm.log()}",
    )
    return job.asked()


def submitted(here: Here, text: str = _AT_WORK, *, how: dict[str, Any] = PLAIN, **launch: Any) -> Job:
    job = here.job()
    job.start(path=here.program(text), slurm=how, **launch)
    return job


def ends(job: Job) -> None:
    (job.directory.path / "go").touch()


def held(job: Job) -> bool:
    """By its owner; where that is root, by the administrator."""
    return str(job.asked()["queue"].get("reason")).startswith("JobHeld")


def runs_now(slurm: Slurm, job: Job) -> None:
    """Slurm lets what it requeued wait for two minutes."""
    wait_until(lambda: slurm.job(number(job))["JobState"] == "PENDING", slurm.log)
    slurm.ask("scontrol", "update", f"JobId={number(job)}", "StartTime=now")


def remembered(slurm: Slurm, job: Job) -> None:
    """The controller writes down what it knows some seconds later; one that is killed before would begin the job again."""
    before = time.time()
    slurm.ask("scontrol", "update", f"JobId={number(job)}", "Comment=remembered")
    wait_until(lambda: (slurm.folder / "state" / "job_state").stat().st_mtime > before, slurm.log)


def test_a_job_waits_for_its_cards_runs_and_is_done(here: Here, slurm: Slurm) -> None:
    first = submitted(here, gpus=3, ranks=3, how={**PLAIN, "time": "10:00"})
    agree(slurm, first, states.RUNNING)
    assert slurm.job(number(first))["TimeLimit"] == "00:10:00"
    first.reaches(1)
    assert first.machine.show(first.id)["last"]["cards"] == "0,1,2"
    second = submitted(here, gpus=2, ranks=2)
    told = agree(slurm, second, states.QUEUED)
    wait_until(lambda: second.asked()["queue"]["reason"] == "Resources", second.told)
    assert told["queue"]["why"] == "slurm"
    ends(first)
    agree(slurm, first, states.SUCCEEDED)
    agree(slurm, second, states.RUNNING)
    ends(second)
    agree(slurm, second, states.SUCCEEDED)


def test_twenty_submits_are_one_job_and_secrets_are_not_handed_to_slurm(
    here: Here, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "s3cr3t" * 5)
    job = here.job()
    launch = {"start": 1, "python": sys.executable, "path": here.program(_AT_WORK), "slurm": PLAIN}
    answers = [here.client.start(job.id, launch)["started"] for _ in range(20)]
    assert answers == [True] + [False] * 19
    assert len(slurm.ask("squeue", "-h").splitlines()) == 1
    agree(slurm, job, states.RUNNING)
    for pid in (job.supervisor(), job.trainer()):
        assert b"s3cr3t" not in Path(f"/proc/{pid}/environ").read_bytes()
    ends(job)
    agree(slurm, job, states.SUCCEEDED)


def test_what_slurm_refuses_is_told_in_its_words_and_asked_for_again(here: Here, slurm: Slurm) -> None:
    job = here.job()
    with pytest.raises(JobRefused, match="nowhere"):
        job.start(path=here.program(_AT_WORK), slurm={"partition": "nowhere"})
    assert job.asked()["state"] == states.STAGED
    job.start(path=here.program("row(1)"), slurm=PLAIN)
    agree(slurm, job, states.SUCCEEDED)


def test_a_job_that_fails_here_failed_there(here: Here, slurm: Slurm) -> None:
    job = submitted(here, "row(1)\nsys.exit('the data is gone')")
    told = agree(slurm, job, states.FAILED)
    assert (told["reason"], told["message"]) == ("exit", "the data is gone")


@pytest.mark.usefixtures("home")
def test_scancel_lets_the_trainer_save_and_the_job_goes_on_by_a_new_one(here: Here, slurm: Slurm) -> None:
    """The real trainer: what it is sent by Slurm and by its supervisor is one request."""
    job = here.job(here.recipe("long", save_every=100000))
    job.start(slurm=PLAIN)
    job.reaches(3)
    agree(slurm, job, states.RUNNING)
    slurm.ask("scancel", number(job))
    told = agree(slurm, job, states.CANCELLED)
    assert told["reason"] == "slurm"
    saved = job.step
    assert job.directory.complete_steps() == [saved]
    first = number(job)
    job.start(slurm=PLAIN)
    assert number(job) != first
    job.reaches(saved + 1)
    assert [row["step"] for row in job.events("resumed")] == [saved]
    here.client.cancel(job.id)
    told = agree(slurm, job, states.CANCELLED)
    assert told["reason"] == "asked"
    assert job.processes() == []


def test_a_waiting_job_is_held_released_and_cancelled(here: Here, slurm: Slurm) -> None:
    first = submitted(here, gpus=4, ranks=4)
    agree(slurm, first, states.RUNNING)
    second = submitted(here, gpus=1)
    here.client.hold(second.id, held=True)
    wait_until(lambda: held(second), second.told)
    here.client.hold(second.id, held=False)
    wait_until(lambda: not held(second), second.told)
    assert here.client.cancel(second.id)["state"] in (states.QUEUED, states.CANCELLED)
    agree(slurm, second, states.CANCELLED)
    assert second.directory.last_attempt() == 0
    ends(first)
    agree(slurm, first, states.SUCCEEDED)


@pytest.mark.usefixtures("home")
def test_a_requeued_job_waits_again_and_goes_on_from_its_checkpoint(here: Here, slurm: Slurm) -> None:
    job = here.job(here.recipe("long", save_every=100000))
    job.start({"HF_TOKEN": "hf_" + "s3cr3t" * 5}, slurm=PLAIN)
    job.reaches(2)
    slurm.ask("scontrol", "requeue", number(job))
    told = agree(slurm, job, states.QUEUED)
    assert (told["queue"]["why"], told["queue"]["reason"]) == ("slurm", "BeginTime")
    assert job.state["state"] == states.QUEUED  # its supervisor wrote so
    saved = job.step
    assert job.directory.complete_steps() == [saved]
    assert job.directory.secrets.stat().st_mode & 0o777 == 0o600  # for the supervisor that is to come
    runs_now(slurm, job)
    job.reaches(saved + 1)
    assert [row["step"] for row in job.events("resumed")] == [saved]
    agree(slurm, job, states.RUNNING)
    assert job.state["attempt"] == 2
    assert b"HF_TOKEN=hf_s3cr3t" in Path(f"/proc/{job.trainer()}/environ").read_bytes()
    assert not job.directory.secrets.exists()
    here.client.cancel(job.id)
    agree(slurm, job, states.CANCELLED)


def test_a_supervisor_killed_under_slurm_is_lost_and_nothing_is_left(here: Here, slurm: Slurm) -> None:
    job = submitted(here)
    agree(slurm, job, states.RUNNING)
    os.kill(job.supervisor(), signal.SIGKILL)
    told = agree(slurm, job, states.LOST)
    assert told["reason"] == "supervisor"
    wait_until(lambda: not job.processes())


def test_a_killed_slurmd_and_a_controller_that_is_gone_stop_no_job(here: Here, slurm: Slurm) -> None:
    job = submitted(here)
    agree(slurm, job, states.RUNNING)
    slurm.kill("node1")
    assert agree(slurm, job, states.RUNNING)["trainer"]
    remembered(slurm, job)
    slurm.kill("slurmctld")
    assert slurm.job(number(job)) == {}
    assert job.asked()["state"] == states.RUNNING  # who cannot be asked has proved nothing
    assert job.asked()["trainer"] == job.state["trainer"]
    slurm.begin_controller()
    slurm.begin_node("node1")
    agree(slurm, job, states.RUNNING)
    ends(job)
    agree(slurm, job, states.SUCCEEDED)


def test_a_job_at_its_time_limit_saves_and_failed_for_that_reason(here: Here, slurm: Slurm) -> None:
    text = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: (row(2), sys.exit(130)))\n"
    job = submitted(here, text + _AT_WORK, how={**PLAIN, "time": "1"})
    agree(slurm, job, states.RUNNING)
    told = agree(slurm, job, states.FAILED, "TIMEOUT")
    assert (told["reason"], told["message"], job.step) == ("slurm", "TIMEOUT", 2)
    assert job.processes() == []


def test_a_job_that_makes_room_for_a_dearer_one_failed_for_that_reason(here: Here, preempting: Slurm) -> None:
    job = submitted(here, gpus=4, ranks=4, how={**PLAIN, "requeue": False})
    agree(preempting, job, states.RUNNING)
    dearer = submitted(here, gpus=4, ranks=4, how={"partition": "dear"})
    told = agree(preempting, job, states.FAILED, "PREEMPTED")
    assert (told["reason"], told["message"]) == ("slurm", "PREEMPTED")
    agree(preempting, dearer, states.RUNNING)
    ends(dearer)
    agree(preempting, dearer, states.SUCCEEDED)


def test_a_job_whose_node_went_down_is_lost_and_goes_on_by_a_new_one(here: Here, slurm: Slurm) -> None:
    job = submitted(here, how={**PLAIN, "requeue": False})
    agree(slurm, job, states.RUNNING)
    slurm.kill("node1")
    slurm.ask("scontrol", "update", "NodeName=node1", "State=DOWN", "Reason=test")
    wait_until(lambda: slurm.job(number(job))["JobState"] == "NODE_FAIL", slurm.log)
    assert job.asked()["state"] == states.RUNNING  # its lock is held: what Slurm thinks proves nothing
    os.kill(job.supervisor(), signal.SIGKILL)
    told = agree(slurm, job, states.LOST, "NODE_FAIL")
    assert told["reason"] == "reboot"
    wait_until(lambda: not job.processes())
    slurm.begin_node("node1")
    slurm.ask("scontrol", "update", "NodeName=node1", "State=RESUME")
    job.start(slurm=PLAIN, path=here.program("row(2)"))
    agree(slurm, job, states.SUCCEEDED)


@pytest.mark.usefixtures("home")
def test_two_nodes_are_one_training_over_the_same_directory(here: Here, two_nodes: Slurm) -> None:
    job = here.job(here.recipe("tiny"))
    job.start(slurm=PLAIN, nodes=2, ranks=2)
    agree(two_nodes, job, states.SUCCEEDED)
    assert two_nodes.job(number(job))["NodeList"] == "node[1-2]"
    assert [row["ranks"] for row in job.events("started")] == [2]
    assert [row["step"] for row in read_rows(job.directory.metrics)] == list(range(1, 13))  # the first rank's alone
    assert job.directory.manifest.is_file()


@pytest.mark.usefixtures("home")
def test_two_nodes_save_when_they_are_stopped_and_go_on(here: Here, two_nodes: Slurm) -> None:
    job = here.job(here.recipe("long", save_every=100000))
    job.start(slurm=PLAIN, nodes=2, ranks=2)
    job.reaches(2)
    agree(two_nodes, job, states.RUNNING)
    here.client.cancel(job.id)
    agree(two_nodes, job, states.CANCELLED)
    saved = job.step
    assert job.directory.complete_steps() == [saved], job.told()
    assert job.processes() == []
    job.start(slurm=PLAIN, nodes=2, ranks=2)
    job.reaches(saved + 1)
    assert [row["step"] for row in job.events("resumed")] == [saved]
    two_nodes.ask("scancel", number(job))
    assert agree(two_nodes, job, states.CANCELLED)["reason"] == "slurm"
    assert job.directory.complete_steps()[0] == job.step > saved, job.told()


@pytest.mark.usefixtures("home")
def test_a_rank_killed_on_one_of_two_nodes_fails_the_job_and_leaves_nobody(here: Here, two_nodes: Slurm) -> None:
    job = here.job(here.recipe("long"))
    job.start(slurm=PLAIN, nodes=2, ranks=2)
    job.reaches(2)
    os.kill(_a_rank(job), signal.SIGKILL)
    told = agree(two_nodes, job, states.FAILED)
    assert (told["reason"], told["signal"]) == ("signal", "SIGKILL")
    wait_until(lambda: not job.processes())


def _a_rank(job: Job) -> int:
    """One of those that carry RANK=1."""
    return next(pid for pid in job.processes() if b"\0RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes())


def test_two_clusters_over_one_machine_number_their_jobs_alike_and_the_nodes_do_not_meet() -> None:
    """Each had its job 1, and the second's nodes joined the first's training."""
    ports = {slurm_agent.port_of(f"01M8M9HRDN0ZXF7S5AM8CHR4T{last}", attempt) for last in "ABCD" for attempt in (1, 2)}
    assert len(ports) == 8
