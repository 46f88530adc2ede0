"""Whatever of a job is killed, it ends with a reason and without survivors, and goes on from what was saved."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import begun_by
from tests.trainer.jobs.here import Here, Job, wait_until
from tests.trainer.jobs.here import here as here
from tests.training import base as base
from tests.training import home as home
from trainer.jobs.agent import states
from trainer.jobs.agent.files import document, publish
from trainer.jobs.agent.files import rows as read_rows
from trainer.jobs.client import JobRefused

pytestmark = pytest.mark.usefixtures("home")
_ENDS_ITSELF = """
import os, signal
from pathlib import Path

sync, seen = os.fsync, []


def dying(handle):
    sync(handle)
    if "checkpoint-3.partial" in os.readlink(f"/proc/self/fd/{handle}"):
        os.kill(os.getpid(), signal.SIGKILL)


if os.environ.get("KULLM_ATTEMPT") == "1":
    os.fsync = dying
"""
_ASKED_AGAIN = """
import os, signal

sync = os.fsync


def asked_again(handle):
    sync(handle)
    if ".partial" in os.readlink(f"/proc/self/fd/{handle}"):
        os.kill(os.getpid(), signal.SIGTERM)


os.fsync = asked_again
"""
_TWO_GENERATIONS = """
import os, signal, sys, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(3600)
"""


def ranks_of(job: Job) -> list[int]:
    """Those that torchrun started: not itself."""
    return [pid for pid in job.processes() if _parent(pid) == job.trainer() and "trainer" in _arguments(pid)]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")


def two_ranks_at_work(here: Here) -> Job:
    job = here.job(here.recipe("long"))
    job.start(ranks=2)
    job.reaches(2)
    assert len(ranks_of(job)) == 2, job.told()
    return job


@pytest.mark.fault("kill -9 of a rank")
def test_a_killed_rank_fails_the_job_with_its_signal_and_leaves_nobody(here: Here) -> None:
    job = two_ranks_at_work(here)
    os.kill(ranks_of(job)[1], signal.SIGKILL)
    ended = job.ends()
    assert (ended["state"], ended["reason"], ended["signal"]) == (states.FAILED, "signal", "SIGKILL"), job.told()
    assert ended["attempt"] == 1  # whoever killed it would kill it again
    assert job.processes() == []


@pytest.mark.fault("kill -9 of the torchrun agent")
@pytest.mark.parametrize("kill", [os.kill, os.killpg])
def test_a_killed_agent_leaves_no_ranks_behind(here: Here, kill: Callable[[int, int], None]) -> None:
    job = two_ranks_at_work(here)
    kill(job.trainer(), signal.SIGKILL)
    ended = job.ends()
    assert (ended["state"], ended["reason"], ended["signal"]) == (states.FAILED, "signal", "SIGKILL"), job.told()
    assert job.processes() == []


@pytest.mark.fault("kill -9 of the supervisor")
def test_a_killed_supervisor_is_found_lost_its_trainer_stops_and_the_job_goes_on(here: Here) -> None:
    job = two_ranks_at_work(here)
    os.kill(job.supervisor(), signal.SIGKILL)
    while (found := job.asked()).get("saving"):  # it saves; a look waits for nobody
        assert (found["state"], found["reason"]) == (states.LOST, "supervisor")
    assert (found["state"], found["reason"]) == (states.LOST, "supervisor")
    assert job.processes() == []
    saved = job.directory.complete_steps()[0]
    job.start(ranks=2)
    job.reaches(job.step + 1)
    assert job.events("resumed")[-1]["step"] == saved
    job.machine.cancel(job.id, grace=0.0)
    assert job.ends()["state"] == states.CANCELLED


def test_a_start_over_a_trainer_that_still_saves_waits_for_its_end(here: Here) -> None:
    """Its supervisor was killed, and nobody looked in between."""
    text = """
import signal
def save(*_):
    time.sleep(3)
    row(attempt + 1, left=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, save)
row(attempt)
if attempt == 1: time.sleep(3600)
"""
    job = here.job()
    path = here.program(text)
    job.start(path=path)
    job.reaches(1)
    os.kill(job.supervisor(), signal.SIGKILL)
    assert job.start(path=path)["started"]
    assert job.ends()["state"] == states.SUCCEEDED, job.told()
    told = [(row["step"], row.get("left", False)) for row in read_rows(job.directory.metrics)]
    assert told == [(1, False), (2, True), (2, False)]


@pytest.mark.fault("TERM-ignoring, double-forked child")
def test_a_child_that_forked_twice_and_ignores_sigterm_is_gone_with_the_job(
    here: Here, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    child, told = tmp_path / "child.py", tmp_path / "child.pid"
    child.write_text(_TWO_GENERATIONS)
    text = (
        f"import subprocess\nsubprocess.run([sys.executable, {str(child)!r}, {str(told)!r}])\nrow(1)\ntime.sleep(3600)"
    )
    job = here.job()
    job.start(path=here.program(text), grace=2.0)
    job.reaches(1)
    wait_until(lambda: told.exists() and told.read_text().isdigit())
    wait_until(lambda: _parent(int(told.read_text())) == job.supervisor())  # which asked for orphans
    job.machine.cancel(job.id)
    ended = job.ends()
    assert ended["state"] == states.CANCELLED
    assert begun_by(f"KULLM_JOB_ID={job.id}") == []
    taken = [row for row in job.events() if row["event"] in ("cancelling", "cancelled")]
    record_property("seconds beyond the grace", round(taken[1]["time"] - taken[0]["time"] - 2.0, 1))


@pytest.mark.fault("kill during a checkpoint save")
def test_a_trainer_killed_while_it_saves_goes_on_from_the_checkpoint_before(here: Here, tmp_path: Path) -> None:
    """It kills itself when the first file of the third checkpoint is on the disk."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_ENDS_ITSELF)
    job = here.job(here.recipe("tiny"))
    job.start(path=[str(site)])
    assert (job.ends()["reason"], job.state["signal"]) == ("signal", "SIGKILL"), job.told()
    assert job.directory.complete_steps() == [2, 1]
    assert (job.directory.checkpoints / "checkpoint-3.partial").is_dir()
    _leave_half_a_checkpoint(job)
    job.start(path=[str(site)])
    assert job.ends()["state"] == states.SUCCEEDED, job.told()
    assert [row["step"] for row in job.events("checkpoint passed over")][:1] == [4]
    assert job.events("resumed")[0]["step"] == 2
    assert {row["step"] for row in read_rows(job.directory.metrics)} == set(range(1, 13))


def _leave_half_a_checkpoint(job: Job) -> None:
    """As another kill could: the newest folder, whose last file was never written."""
    half = job.directory.checkpoint(4)
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"\0" * 100)


@pytest.mark.fault("cancel, with proof")
def test_a_cancel_saves_stops_both_ranks_and_proves_it(here: Here) -> None:
    job = two_ranks_at_work(here)
    job.machine.cancel(job.id)
    ended = job.ends()
    assert (ended["state"], ended["survivors"], ended["trainer"]) == (states.CANCELLED, None, None), job.told()
    assert job.processes() == []
    assert job.directory.complete_steps()[0] == job.step
    assert not job.directory.cancel.exists()


@pytest.mark.fault("cancel, with proof")
def test_a_request_to_stop_that_comes_again_while_the_trainer_saves_lets_it_save(here: Here, tmp_path: Path) -> None:
    """As from a batch system, which sends it to all processes of a job, beside whoever passes it on."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_ASKED_AGAIN)
    job = here.job(here.recipe("long", save_every=100000))
    job.start(path=[str(site)])
    job.reaches(2)
    os.kill(job.trainer(), signal.SIGTERM)
    assert job.ends()["reason"] == "terminated", job.told()
    assert job.directory.complete_steps() == [job.step]


@pytest.mark.root
@pytest.mark.fault("cancel, with proof")
def test_what_cannot_be_ended_is_named_and_the_job_is_not_called_stopped(here: Here) -> None:
    """A frozen process takes no signal, as one that hangs in a driver."""
    frozen = Path("/sys/fs/cgroup/freezer")
    if not (frozen / "cgroup.procs").exists():
        pytest.skip("this machine's cgroups freeze no process so that it cannot be killed")
    text = f"import subprocess\nchild = subprocess.Popen({['sleep', '3600']})\nrow(1, child=child.pid)\nchild.wait()"
    job = here.job()
    job.start(path=here.program(text))
    job.reaches(1)
    child = int(job.machine.show(job.id)["last"]["child"])
    group = frozen / job.id
    group.mkdir()
    try:
        (group / "cgroup.procs").write_text(str(child))
        (group / "freezer.state").write_text("FROZEN")
        wait_until(lambda: (group / "freezer.state").read_text().strip() == "FROZEN")
        job.machine.cancel(job.id, grace=0.0)
        ended = job.ends()
        assert (ended["state"], ended["survivors"]) == (states.CANCEL_INCOMPLETE, [child]), job.told()
        with pytest.raises(JobRefused, match=str(child)):
            job.machine.remove(job.id)
    finally:
        (group / "freezer.state").write_text("THAWED")
        wait_until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()
    wait_until(lambda: not job.processes())
    job.machine.remove(job.id)


def test_a_trainer_that_is_alone_and_does_not_go_is_ended_by_whoever_looks_a_minute_later(here: Here) -> None:
    job = here.job()
    job.start(
        path=here.program("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nrow(1)\ntime.sleep(3600)\n")
    )
    job.reaches(1)
    os.kill(job.supervisor(), signal.SIGKILL)
    found = job.asked()
    assert (found["state"], found["saving"]) == (states.LOST, job.processes())
    kept = document(job.directory.state)
    publish(job.directory.state, {**kept, "found_alone": kept["found_alone"] - 60})
    found = job.asked()
    assert (found["state"], found["survivors"], job.processes()) == (states.LOST, None, [])
