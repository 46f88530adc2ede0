"""The machine and its cards while a job runs: sampled with who else is on them; an nvidia-smi that fails or hangs harms nothing."""

import os
import pwd
from pathlib import Path

import pytest

from tests.nvidia_smi import Smi, put_on_path
from tests.trainer.jobs.here import Here, Job, wait_until
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.agent.files import rows as read_rows
from trainer.jobs.agent.host import Host

pytestmark = pytest.mark.fault("nvidia-smi absent, failing, hanging; others on the cards")
_WAITS = "row(1)\nwhile not (job / 'go').exists(): time.sleep(0.02)"
_NOBODY = 4_194_303  # more than any number that a process here has


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smi:
    return put_on_path(tmp_path / "bin", 4, monkeypatch)


def at_work(here: Here) -> Job:
    job = here.job()
    job.start(path=here.program(_WAITS), gpus=1)
    job.reaches(1)
    return job


def ends_well(job: Job) -> None:
    (job.directory.path / "go").touch()
    assert job.ends()["state"] == states.SUCCEEDED, job.told()


def test_use_memory_power_heat_and_the_others_on_a_card_are_sampled(here: Here, smi: Smi) -> None:
    smi.says((0, os.getpid(), 40_000), (0, _NOBODY, 1000), (2, os.getpid(), 72_318))
    job = at_work(here)
    wait_until(lambda: len(list(read_rows(job.directory.gpu))) >= 2)
    me = pwd.getpwuid(os.getuid()).pw_name
    cards = next(read_rows(job.directory.gpu))["cards"]
    assert cards[0] == {
        "card": 0, "use": 97, "mib": 41_004, "of": 81_920, "watts": 391.42, "celsius": 63, "fan": None, "mhz": 1410,
        "who": [[me, os.getpid(), 40_000], ["", _NOBODY, 1000]],
    }  # fmt: skip
    assert (cards[1]["use"], cards[1]["who"]) == (0, [])
    assert cards[2]["who"] == [[me, os.getpid(), 72_318]]
    assert cards[3]["watts"] is None
    assert [card["driver"] for card in here.client.hello()["cards"]] == ["580.95.05"] * 4
    ends_well(job)


def test_samples_come_again_after_nvidia_smi_failed(here: Here, smi: Smi) -> None:
    smi.becomes("fails")
    job = at_work(here)
    assert here.client.hello()["cards"] == []
    assert not any("cards" in row for row in read_rows(job.directory.gpu))
    smi.recovers()
    wait_until(lambda: any("cards" in row for row in read_rows(job.directory.gpu)))
    ends_well(job)


def test_one_that_hangs_is_waited_for_by_nobody_and_left_by_nobody(here: Here, smi: Smi) -> None:
    smi.becomes("hangs")
    job = at_work(here)
    wait_until((smi.folder / "hung").exists)
    ends_well(job)
    assert not list(read_rows(job.directory.gpu))
    wait_until(lambda: not _running(smi))


def _running(smi: Smi) -> list[int]:
    """Shells with that script, by their ids."""
    name, found = str(smi.folder / "nvidia-smi").encode(), []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


def test_without_one_the_machine_alone_is_sampled(here: Here) -> None:
    job = at_work(here)
    wait_until(lambda: len(list(read_rows(job.directory.gpu))) >= 2)
    ends_well(job)
    first, second = list(read_rows(job.directory.gpu))[:2]
    assert "cards" not in first
    assert 0 < first["host"]["mib"] <= first["host"]["of"]
    assert {"use", "in", "out"} & first["host"].keys() == set(), "what counts up is told from the second on"
    assert {"use", "in", "out"} <= second["host"].keys()
    assert here.client.hello()["cards"] == []


_STAT = "cpu  {user} 0 20 {idle} 10 0 0 0 0 0\ncpu0 1 1 1 1\n"
_NET = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 999999 9 0 0 0 0 0 0 999999 9 0 0 0 0 0 0
  eth0:{received} 9 0 0 0 0 0 0 {sent} 9 0 0 0 0 0 0
"""


def told_by(proc: Path, **numbers: int) -> None:
    (proc / "net").mkdir(parents=True, exist_ok=True)
    (proc / "stat").write_text(_STAT.format(**numbers))
    (proc / "net" / "dev").write_text(_NET.format(**numbers))
    (proc / "meminfo").write_text("MemTotal: 2048 kB\nMemAvailable: 512 kB\nSwapTotal: 4096 kB\nSwapFree: 1024 kB\n")


def test_what_counts_up_is_told_as_what_it_was_since_the_moment_before(tmp_path: Path) -> None:
    host = Host(tmp_path)
    told_by(tmp_path, user=100, idle=100, received=5000, sent=100)
    assert host.moment() == {"mib": 1, "of": 2, "swap": 3}
    told_by(tmp_path, user=175, idle=125, received=5000, sent=100)
    found = host.moment()
    assert (found["use"], found["in"], found["out"]) == (75, 0, 0)
    told_by(tmp_path, user=175, idle=125, received=4000, sent=90_000_100)
    found = host.moment()
    assert "use" not in found, "no time has passed"
    assert found["in"] == 0, "a counter that began again"
    assert found["out"] > 0


def test_a_system_that_tells_otherwise_or_nothing_is_no_error(tmp_path: Path) -> None:
    assert Host(tmp_path).moment() == {}
    told_by(tmp_path, user=1, idle=1, received=1, sent=1)
    (tmp_path / "stat").write_text("processor: fast\n")
    assert Host(tmp_path).moment() == {}
