"""A disk that fills up, a real one of a few megabytes: at the log, in a checkpoint, at the last state, before the first word."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.errors import NoSpace
from tests.trainer.jobs.here import Here, wait_until
from tests.trainer.jobs.here import here as here
from tests.training import base as base
from tests.training import home as home
from trainer.jobs.agent import states

pytestmark = [pytest.mark.root, pytest.mark.fault("disk full at log, checkpoint, state")]
_SIZE, _INODES = "48m", 600
_FILLS = """
def fill(folder):
    with open(os.path.join(folder, "others"), "ab", buffering=0) as file:
        try:
            while file.write(b"x" * 65536):
                pass
            while file.write(b"x"):
                pass
        except OSError:
            pass


"""
_FILLS_IN_A_CHECKPOINT = (
    "import os\n"
    + _FILLS
    + """
sync = os.fsync


def filling(handle):
    sync(handle)
    place = os.readlink(f"/proc/self/fd/{handle}")
    if os.environ.get("KULLM_ATTEMPT") == "1" and "checkpoint-3.partial" in place:
        fill(place.partition("/jobs/")[0])


os.fsync = filling
"""
)


@pytest.fixture
def small(here: Here, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """The machine's folder on a disk of its own. The tiny model and the recipes lie elsewhere."""
    disk = here.root / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE},nr_inodes={_INODES}", "tmpfs", disk], check=True)
    monkeypatch.setenv("KULLM_HOME", str(disk / "kullm"))
    try:
        yield here
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_log_that_fills_the_disk_fails_the_job_for_that_reason(small: Here) -> None:
    job = small.job()
    text = "row(1)\nwhile True: print('x' * 65535, flush=True)"
    job.start(path=small.program(text))
    ended = job.ends()
    assert (ended["state"], ended["reason"]) == (states.FAILED, "full"), job.told()
    assert job.directory.log(1).stat().st_size > 16 << 20
    assert not job.directory.reserve.exists()  # that was the room for these words


def test_a_disk_that_is_nearly_full_is_told_while_the_job_goes_on(small: Here) -> None:
    disk = small.root / "disk"
    job = small.job()
    (disk / "others").write_bytes(bytes(shutil.disk_usage(disk).free - (2 << 20)))  # 5 % of it are a little more
    job.start(path=small.program("row(1)\nwhile not (job / 'go').exists(): time.sleep(0.02)"))
    wait_until(lambda: job.events("disk low"), job.told)
    assert 0 < job.events("disk low")[0]["free"] < 2 << 20
    job.turns(states.RUNNING)
    (job.directory.path / "go").touch()
    assert job.ends()["state"] == states.SUCCEEDED
    assert len(job.events("disk low")) == 1


@pytest.mark.usefixtures("home")
def test_a_checkpoint_that_finds_no_room_leaves_the_one_before_and_the_job_goes_on_with_room(small: Here) -> None:
    site = small.root / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_FILLS_IN_A_CHECKPOINT)
    job = small.job(small.recipe("tiny"))
    job.start(path=[str(site)])
    ended = job.ends()
    assert (ended["state"], ended["reason"]) == (states.FAILED, "full"), job.told()
    assert job.directory.complete_steps() == [2, 1]
    assert not list(job.directory.checkpoints.glob("*.partial"))
    (job.directory.path.parent.parent / "others").unlink()
    job.start(path=[str(site)])
    assert job.ends()["state"] == states.SUCCEEDED, job.told()
    assert job.events("resumed")[-1]["step"] == 2


@pytest.mark.parametrize(("code", "state"), [(0, states.SUCCEEDED), (1, states.FAILED)])
def test_the_last_state_finds_its_room_on_a_full_disk(small: Here, code: int, state: str) -> None:
    job = small.job()
    text = _FILLS + f"row(1)\nfill(job)\nsys.exit({code})"
    job.start(path=small.program(text))
    assert job.ends()["state"] == state, job.told()
    assert job.state["reason"] == ("full" if code else "")
    assert job.events()[-1]["event"] == state.lower()
    assert job.asked()["state"] == state


def test_on_a_full_disk_a_job_is_refused_with_the_reason_and_can_be_asked_for_again(small: Here) -> None:
    job = small.job()
    filler = job.directory.path.parent.parent / "others"
    _fill(filler)
    with pytest.raises(NoSpace):
        small.job()
    with pytest.raises(NoSpace):
        job.start(path=small.program("row(1)"))
    assert job.asked()["state"] == states.STAGED
    filler.unlink()
    job.start(path=small.program("row(1)"))
    assert job.ends()["state"] == states.SUCCEEDED


def test_without_room_for_another_file_a_job_is_refused_or_fails_for_that_reason_and_goes_on_with_room(
    small: Here,
) -> None:
    """Blocks are left and inodes are not, one more each time: at every place where a start makes a file."""
    outcomes = []
    for spare in range(2, 12):
        job = small.job()
        others = _without_inodes(job.directory.path.parent.parent / "others", spare)
        try:
            job.start(path=small.program("row(1)"))
            outcomes.append((job.ends()["state"], job.state["reason"]) if job.state else "not begun")
        except NoSpace:
            outcomes.append("refused")
        shutil.rmtree(others)
        if job.state.get("state") != states.SUCCEEDED:
            job.start(path=small.program("row(1)"))
            assert job.ends()["state"] == states.SUCCEEDED, job.told()
    assert set(outcomes) <= {"refused", "not begun", (states.FAILED, "full"), (states.SUCCEEDED, "")}, outcomes
    assert {"refused", (states.FAILED, "full"), (states.SUCCEEDED, "")} <= set(outcomes), outcomes


def _without_inodes(folder: Path, spare: int) -> Path:
    folder.mkdir()
    made: list[Path] = []
    with contextlib.suppress(OSError):
        while True:
            made.append(folder / str(len(made)))
            made[-1].touch()
    for path in made[-1 - spare : -1]:
        path.unlink()
    return folder


def _fill(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        for size in (1 << 16, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
