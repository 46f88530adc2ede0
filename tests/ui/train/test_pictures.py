"""The training mode as pictures, in a small terminal and a comfortable one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.jobs.elsewhere import add_rows, running, set_state
from tests.ui.conftest import _NOON
from tests.ui.snapshot import SIZES, assert_looks_like
from tests.ui.training import Training, training
from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import private_dir, publish
from trainer.jobs.registry import put_down

pytestmark = pytest.mark.usefixtures("_still_machine")


def made(home: Path, number: int, name: str, **place: Any) -> JobDirectory:
    """In the order of their numbers."""
    job = JobDirectory(private_dir(home / "jobs" / f"01KB0000000000000000000{number:03}"))
    if place:
        put_down(job, **place)
    publish(job.spec, {"schema": SCHEMA, "name": name, "recipe": {"name": "tiny"}, "predicted": {"steps": 3250}})
    return job


@pytest.fixture
def jobs(home: Path) -> Iterator[None]:
    """One that runs, one of a machine that is gone, one that waits, and what has ended."""
    done = made(home, 1, "polite")
    set_state(done, "SUCCEEDED", since=_NOON - 86_400)
    add_rows(done, range(3250, 3251), steps=3250)
    done.manifest.parent.mkdir()
    done.manifest.write_text("{}")
    failed = made(home, 2, "rank-64")
    set_state(failed, "FAILED", reason="full", since=_NOON - 7200)
    add_rows(failed, range(812, 813), steps=3250)
    stopped = made(home, 3, "stopped")
    set_state(stopped, "CANCELLED", since=_NOON - 1800)
    add_rows(stopped, range(64, 65), steps=3250)
    waits = made(home, 4, "seed-2")
    far = made(home, 5, "kullm-12.8b-night", machine="a100", path="/far", heard=_NOON - 130, unreachable=True)
    set_state(far, "RUNNING")
    add_rows(far, range(1200, 1201), steps=3250, eta_s=133_000.0)
    runs = made(home, 6, "seed-1")
    add_rows(runs, range(30, 31), steps=120, eta_s=5400.0)
    with running(runs), running(waits):
        set_state(waits, "QUEUED", queue={"place": 1, "why": "busy"})
        yield


async def looks(one: Training, name: str, size: tuple[int, int]) -> None:
    await one.until(lambda: bool(one.app.status.parts()))
    await assert_looks_like(one.pilot, f"train-{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_yet(size: tuple[int, int]) -> None:
    async with training(size=size) as one:
        await one.tells("아직 학습이 없어요")
        await looks(one, "empty", size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("jobs")
async def test_the_list(size: tuple[int, int]) -> None:
    async with training(size=size) as one:
        await one.until(lambda: one.app.trainings.troubles)
        await one.tells("a100:")
        await looks(one, "list", size)


@pytest.mark.usefixtures("jobs")
async def test_the_list_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    async with training(size=(80, 24)) as one:
        await one.until(lambda: one.app.trainings.troubles)
        await one.tells("a100:")
        await looks(one, "list-en", (80, 24))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("jobs")
async def test_the_question_before_a_job_is_stopped(size: tuple[int, int]) -> None:
    async with training(size=size) as one:
        await one.until(lambda: one.app.trainings.troubles)
        await one.press("s")
        await one.tells("저장하고 멈추기")
        await looks(one, "stop", size)
