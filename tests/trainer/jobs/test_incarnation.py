"""After a reboot or the restart of a container nothing of a job can run, whatever its files say; and no clock is asked."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.jobs.here import Here, Job, wait_until
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.agent.files import publish
from trainer.jobs.agent.processes import incarnation, started
from trainer.jobs.package import agent_file

_DAY = 24 * 3600
_AT_WORK = "row(1, eta_s=99.5)\ntime.sleep(3600)"
_SHIFTED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift(void) { return atol(getenv("CLOCK_SHIFT")); }

int clock_gettime(clockid_t clock, struct timespec *found) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, found);
    if (!failed && clock == CLOCK_REALTIME) found->tv_sec += shift();
    return failed;
}
"""


def dead_with_its_supervisor(here: Here) -> Job:
    """As a machine that goes down takes them: at once, and with nothing said."""
    job = here.job()
    job.start(path=here.program(_AT_WORK))
    job.reaches(1)
    os.kill(job.supervisor(), 9)
    os.kill(job.trainer(), 9)
    wait_until(lambda: not job.processes())
    return job


@pytest.mark.fault("reboot, container restart, pid reuse")
def test_after_a_reboot_a_job_is_lost_and_goes_on_when_asked(here: Here) -> None:
    job = dead_with_its_supervisor(here)
    boot, _, rest = job.state["incarnation"].partition("/")
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    publish(job.directory.state, {**job.state, "incarnation": f"another-boot/{rest}"})
    found = job.asked()
    assert (found["state"], found["reason"]) == (states.LOST, "reboot")
    job.start(path=here.program("row(2)"))
    assert job.ends()["state"] == states.SUCCEEDED
    assert job.state["attempt"] == 2


@pytest.mark.fault("reboot, container restart, pid reuse")
def test_a_stranger_with_the_numbers_of_our_processes_is_no_job_and_is_left_alone(here: Here) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    job = dead_with_its_supervisor(here)
    number = {"pid": stranger.pid, "started": job.state["supervisor"]["started"]}
    for told in (job.state["incarnation"], "another-boot/1/2/host"):
        publish(job.directory.state, {**job.state, "state": states.RUNNING, "incarnation": told, "supervisor": number, "trainer": number})  # fmt: skip
        assert job.asked()["state"] == states.LOST
    assert job.start(path=here.program("row(2)"))["started"]
    assert job.ends()["state"] == states.SUCCEEDED
    assert stranger.poll() is None
    stranger.communicate(b"\n")


@pytest.mark.root
@pytest.mark.fault("reboot, container restart, pid reuse")
def test_a_container_that_ends_loses_its_jobs(here: Here) -> None:
    """A real one, as far as processes go: its own process numbers and its own /proc, gone with its first process."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare to make a container with")
    job = here.job()
    publish(job.directory.launch, {"start": 1, "python": sys.executable, "path": here.program(_AT_WORK)})
    agent = agent_file(here.root / "agent")
    inside = [sys.executable, "-I", "-S", str(agent), "supervise", str(job.directory.path)]
    (job.directory.path / "logs").mkdir(exist_ok=True)
    container = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c", _FIRST, *inside]
    )
    job.reaches(1)
    assert job.asked()["state"] in states.LIVE  # its lock is held
    container.kill()
    container.wait()
    found = job.asked()
    assert (found["state"], found["reason"]) == (states.LOST, "reboot")


_FIRST = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"


def test_another_boot_another_container_and_another_first_process_are_other_incarnations(tmp_path: Path) -> None:
    def proc(boot: str, first: str) -> Path:
        place = tmp_path / f"{boot}-{first}"
        (place / "sys/kernel/random").mkdir(parents=True)
        (place / "sys/kernel/random/boot_id").write_text(boot + "\n")
        (place / "self/ns").mkdir(parents=True)
        (place / "self/ns/pid").touch()
        (place / "1").mkdir()
        (place / "1/stat").write_text(f"1 (init) S 0 {'0 ' * 17}{first} 0\n")
        return place

    known = {incarnation(proc(boot, first)) for boot in ("a", "b") for first in ("7", "8")}
    assert len(known) == 4
    assert incarnation() == incarnation()
    assert started(os.getpid())


@pytest.fixture
def clock(tmp_path: Path) -> Any:
    """Preloaded into a program, it moves the program's clock by CLOCK_SHIFT seconds."""
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(_SHIFTED)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)

    def shifted(seconds: int) -> dict[str, str]:
        return {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(seconds)}

    return shifted


@pytest.mark.fault("client clock ± 1 day")
@pytest.mark.parametrize("seconds", [-_DAY, _DAY])
def test_a_clock_that_is_a_day_off_changes_no_state_and_no_eta(
    here: Here, clock: Any, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    job = here.job()
    job.start(path=here.program(_AT_WORK))
    job.turns(states.RUNNING)
    as_it_is = here.client.show(job.id)
    before = here.client.hello()["clock"]
    for name, value in clock(seconds).items():
        monkeypatch.setenv(name, value)
    assert abs(here.client.hello()["clock"] - before - seconds) < _DAY / 2  # it is another clock
    as_it_seems = here.client.show(job.id)
    assert as_it_seems == as_it_is
    assert as_it_seems["state"]["state"] == states.RUNNING
    assert as_it_seems["last"]["eta_s"] == 99.5
    here.client.cancel(job.id)
    assert job.ends()["state"] == states.CANCELLED


def test_a_job_begun_under_a_clock_that_is_a_day_off_is_looked_after_as_any(
    here: Here, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in clock(-_DAY).items():
        monkeypatch.setenv(name, value)
    job = here.job()
    job.start(path=here.program(_AT_WORK))
    monkeypatch.delenv("LD_PRELOAD")
    job.turns(states.RUNNING)
    assert job.asked()["state"] == states.RUNNING
    assert json.loads(job.directory.heartbeat.read_text()) > 0  # nanoseconds that no clock setting moves
    os.kill(job.supervisor(), 9)
    assert job.asked()["state"] == states.LOST
