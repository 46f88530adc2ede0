"""A job is started exactly once, whoever asks and however often, and what is secret of it stays so."""

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.trainer.jobs.here import Here, wait_until
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.agent.files import try_lock
from trainer.jobs.client import JobRefused
from trainer.jobs.package import agent_archive

ASKING = 20
_WRITES_ITS_PID = "(job / f'pid-{os.getpid()}').touch()\nrow(1)\ntime.sleep(3600)"
_SECRETS = {"HF_TOKEN": "hf_" + "s3cr3t" * 5, "notify_url": "http://127.0.0.1:9/hooks/t0psecret"}


@pytest.mark.fault("duplicate submit × 20, acknowledgement lost")
def test_twenty_submits_at_once_and_a_later_one_are_one_process(here: Here) -> None:
    job = here.job()
    launch = {"start": 1, "python": sys.executable, "path": here.program(_WRITES_ITS_PID)}
    with ThreadPoolExecutor(ASKING) as asking:
        answers = list(asking.map(lambda _: here.client.start(job.id, launch)["started"], range(ASKING)))
    assert sorted(answers) == [False] * (ASKING - 1) + [True]
    job.reaches(1)
    # The acknowledgement was lost: the same is asked again, from staging on.
    here.client.stage(job.id, {"schema": 1, "language": "en", "name": "first"})
    assert here.client.start(job.id, launch)["started"] is False
    assert len(list(job.directory.path.glob("pid-*"))) == 1
    assert len(job.processes()) == 1
    assert job.state["attempt"] == 1
    assert len(job.events("starting")) == 1


def test_another_spec_under_the_same_id_is_refused(here: Here) -> None:
    job = here.job()
    with pytest.raises(JobRefused, match=job.id):
        here.client.stage(job.id, {"schema": 1, "name": "another"})


def test_a_start_waits_for_who_only_looks_at_the_job_or_has_said_its_last_word(here: Here) -> None:
    """The lock is held, but by no supervisor at work."""
    job = here.job()
    lock = try_lock(job.directory.lock)
    assert lock is not None
    with ThreadPoolExecutor(1) as asking:
        answer = asking.submit(job.start, path=here.program("row(1)"))
        ours = {"supervise", str(job.directory.path)}
        wait_until(lambda: answer.done() or any(ours <= set(arguments_of(pid)) for pid in children()))
        assert job.state == {}
        os.close(lock)
        assert answer.result()["started"]
    assert job.ends()["state"] == states.SUCCEEDED


def children() -> list[int]:
    return [int(place.parent.name) for place in Path("/proc").glob("[0-9]*/cmdline")]


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


@pytest.mark.fault("secrets")
def test_secrets_reach_who_needs_them_and_are_nowhere_else(here: Here) -> None:
    """In no file once the supervisor runs, in no arguments; the token is in the trainer's environment, the address in nobody's."""
    text = "row(1, token=len(os.environ['HF_TOKEN']))\nwhile not (job / 'go').exists(): time.sleep(0.02)\nsys.exit(3)"
    job = here.job()
    job.start(_SECRETS, path=here.program(text), notify="true")
    job.reaches(1)
    assert not job.directory.secrets.exists()
    environment = Path(f"/proc/{job.trainer()}/environ").read_bytes()
    assert _SECRETS["HF_TOKEN"].encode() in environment
    everything = [Path(f"/proc/{pid}/cmdline") for pid in children()] + [Path(f"/proc/{job.supervisor()}/environ")]
    assert not [place for place in everything if holds(place, _SECRETS.values())]
    assert b"t0psecret" not in environment
    (job.directory.path / "go").touch()
    job.ends()
    wait_until(lambda: bool(job.events("not notified")))
    files = [path for path in here.root.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if holds(path, _SECRETS.values())]


def holds(place: Path, words: Iterable[str]) -> bool:
    try:
        content = place.read_bytes()
    except OSError:
        return False
    return any(word.encode() in content for word in words)


def test_the_agent_of_the_same_modules_is_the_same_file() -> None:
    agent_archive.cache_clear()
    first = agent_archive()
    agent_archive.cache_clear()
    assert agent_archive() == first
