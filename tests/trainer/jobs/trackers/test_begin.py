"""Processes that feed trackers beside real jobs: begun by the setting, stopped, killed, without their package, removed. The job never minds."""

import os
import signal
import struct
from pathlib import Path

import pytest

from kullm_tui.core.config.edit import set_value
from tests.trainer.jobs.elsewhere import add_rows, dispatched, make_job, same, set_state
from tests.trainer.jobs.here import SECONDS, Here, Job, wait_until
from tests.trainer.jobs.here import here as here
from trainer.jobs import actions
from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import document
from trainer.jobs.agent.files import rows as read_rows
from trainer.jobs.agent.processes import is_alive
from trainer.jobs.bring import mirrored
from trainer.jobs.client import Client
from trainer.jobs.registry import known_in, put_down
from trainer.jobs.trackers.begin import end_all, go_along
from trainer.jobs.trackers.standing import Standing, standing_of
from trainer.jobs.trackers.wish import wish
from trainer.jobs.transports.local import LocalTransport

_STEPS = "for step in range({0}): row(step + 1); time.sleep({1})\n"


def _records(job: JobDirectory) -> list[bytes]:
    """Of its event file, as far as they are whole."""
    [file] = Path(document(job.tracker("tensorboard"))["to"]).glob(f"*{job.id}/*tfevents*")
    data, found = file.read_bytes(), []
    while len(data) >= 12:
        (length,) = struct.unpack("<Q", data[:8])
        found.append(data[12 : 12 + length])
        data = data[16 + length :]
    return found


def _rows_there(job: JobDirectory) -> int:
    """Events with a number `loss`; the recipe has a text of that name."""
    return sum(b"\x0a\x04loss\x15" in record for record in _records(job))


def _standing(job: JobDirectory, name: str = "tensorboard") -> Standing:
    return standing_of(job, name)


def _done(job: JobDirectory, name: str = "tensorboard") -> Standing:
    wait_until(lambda: _standing(job, name).state == "DONE", lambda: _log(job, name))
    return _standing(job, name)


def _log(job: JobDirectory, name: str) -> str:
    return f"{_standing(job, name)}\n{(job.trackers / f'{name}.log').read_text()}"


def _process(job: JobDirectory, name: str = "tensorboard") -> tuple[int, str]:
    """Who feeds it, once it does."""
    wait_until(lambda: document(job.tracker(name)).get("state") == "WORKING")
    known = document(job.tracker(name))
    return int(known["pid"]), str(known["started"])


def _begun(here: Here, steps: int = 40, pause: float = 0.05) -> Job:
    """At work, with its metrics going along."""
    job = here.job()
    job.start(path=here.program(_STEPS.format(steps, pause)))
    go_along(job.directory, ["tensorboard"])
    return job


def _ended(root: Path) -> JobDirectory:
    job = make_job(root)
    add_rows(job, range(1, 31))
    set_state(job, "SUCCEEDED")
    return job


@pytest.mark.usefixtures("home")
def test_the_setting_alone_has_every_training_followed_through_its_starts(here: Here) -> None:
    set_value("mirrors.tensorboard", str(here.root / "board"))
    job = here.job(here.recipe("tiny"))
    actions.resume(known_in(job.directory), here.client)
    assert job.ends()["state"] == "SUCCEEDED", job.told()
    assert _done(job.directory).rows == 12
    job.start(path=here.program(_STEPS.format(5, 0.01)))
    go_along(job.directory)
    job.ends()
    wait_until(lambda: _standing(job.directory).rows == 17, lambda: _log(job.directory, "tensorboard"))
    _done(job.directory)
    assert (_rows_there(job.directory), len(list((here.root / "board").iterdir()))) == (17, 1)


def test_none_is_none_whatever_is_configured(here: Here) -> None:
    set_value("mirrors.tensorboard", str(here.root / "board"))
    job = _ended(here.root)
    wish(job, ())
    go_along(job)
    assert list(job.trackers.iterdir()) == []


def test_one_that_is_stopped_holds_up_nothing_and_goes_on_afterwards(here: Here) -> None:
    job = _begun(here)
    pid, _ = _process(job.directory)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert job.ends()["state"] == "SUCCEEDED"
        assert job.step == 40
        assert _standing(job.directory).state == "WORKING"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert _done(job.directory).rows == 40
    assert _rows_there(job.directory) == 40


def test_one_that_was_killed_is_told_and_begun_again_without_a_row_twice(here: Here) -> None:
    job = _begun(here)
    pid, started = _process(job.directory)
    wait_until(lambda: _rows_there(job.directory) > 3)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid, started))
    wait_until(lambda: _standing(job.directory).gone)
    assert _standing(job.directory).failed
    job.ends()
    go_along(job.directory)
    assert _done(job.directory).rows == 40
    assert _rows_there(job.directory) == 40


def test_a_package_that_is_not_there_is_told_and_the_job_is_as_it_was(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here.root / "sitecustomize.py").write_text("import sys\nsys.modules['trackio'] = None\n")
    project = Path(__file__).parents[4]
    monkeypatch.setenv("PYTHONPATH", f"{here.root}:{project}")
    job = _ended(here.root)
    before = job.metrics.read_bytes(), job.state.read_bytes()
    go_along(job, ["trackio"])
    wait_until(lambda: _standing(job, "trackio").failed and list(read_rows(job.events)))
    assert "[mirrors]'" in _standing(job, "trackio").message
    [event] = read_rows(job.events)
    assert (event["event"], event["of"]) == ("not mirrored", "trackio")
    assert (job.metrics.read_bytes(), job.state.read_bytes()) == before
    began = document(job.tracker("trackio"))["started"]
    wait_until(lambda: not is_alive(document(job.tracker("trackio"))["pid"], began))
    go_along(job)  # of the same start it is not tried again
    assert document(job.tracker("trackio"))["started"] == began


def test_of_a_job_elsewhere_the_events_stay_its_machines(here: Here) -> None:
    job = _ended(here.root)
    put_down(job, machine="lab", complete=1)
    job.tracker("tensorboard").parent.mkdir()
    blocked = here.root / "file"
    blocked.write_text("")
    set_value("mirrors.tensorboard", str(blocked))
    go_along(job, ["tensorboard"])
    wait_until(lambda: _standing(job).failed)
    assert "NotADirectoryError" in _standing(job).message
    assert not job.events.exists()


def test_a_job_elsewhere_goes_along_while_it_is_followed(here: Here) -> None:
    set_value("mirrors.tensorboard", str(here.root / "board"))
    there = here.root / "there"
    spec = {"schema": SCHEMA, "name": "far", "language": "en"}
    job = dispatched(here.root, there, spec, path=here.program(_STEPS.format(20, 0.05)))
    with mirrored(known_in(job), Client("box", LocalTransport(there))) as mirror:
        assert mirror
        assert mirror.ended.wait(SECONDS)
    assert _done(job).rows == _rows_there(job) == 20
    assert same(job.events, there / "jobs" / job.id / "events.jsonl")


def test_a_job_that_is_removed_takes_its_processes_along(here: Here) -> None:
    job = _begun(here, 2000)
    pid, started = _process(job.directory)
    os.kill(pid, signal.SIGSTOP)  # also one that hangs
    end_all(job.directory)
    assert not is_alive(pid, started)
    here.client.cancel(job.id, grace=0.0)
    job.ends()


def test_a_key_reaches_nobody_who_does_not_need_it(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "local-secret-0123456789abcdef0123456789abcdef")
    job = here.job()
    job.start(path=here.program("(job / 'environment').write_text(repr(dict(os.environ)))\n" + _STEPS.format(40, 0.05)))
    go_along(job.directory, ["tensorboard"])
    pid, _ = _process(job.directory)
    assert b"local-secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    job.ends()
    _done(job.directory)
    files = [path for path in job.directory.path.rglob("*") if path.is_file()]
    assert (job.directory.path / "environment").is_file()
    assert [path for path in files if b"local-secret" in path.read_bytes()] == []
