"""A job's page and several runs over each other as pictures: alone on a small screen, and in the room that they have on a comfortable one."""

import json
from pathlib import Path

import pytest

from kullm_tui.ui.train.page.overlay import OverlayScreen
from tests.trainer.jobs.elsewhere import running
from tests.ui.snapshot import assert_looks_like
from tests.ui.train.page.paging import Paging, ended, paging, written_job

SIZES = ((80, 24), (95, 40))


async def looks(one: Paging, name: str, size: tuple[int, int]) -> None:
    await one.until(lambda: bool(one.app.status.parts()))
    await assert_looks_like(one.pilot, f"train-page-{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", SIZES)
async def test_a_job_at_a_glance(size: tuple[int, int], home: Path) -> None:
    job = written_job(home)
    with running(job):
        async with paging(job, size=size) as one:
            await one.tells("step 260 loss")
            await looks(one, "glance", size)


@pytest.mark.parametrize("size", SIZES)
async def test_its_curves_under_one_cursor(size: tuple[int, int], home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job, size=size) as one:
        await one.press("2", "right", "left", "left", "left", "left")
        await looks(one, "curves", size)


async def test_its_replies_side_by_side_in_english(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    job = ended(written_job(home))
    async with paging(job, size=(80, 24)) as one:
        await one.press("5")
        await looks(one, "replies-en", (80, 24))


@pytest.mark.parametrize("size", SIZES)
async def test_its_cards_and_what_they_did(size: tuple[int, int], home: Path) -> None:
    job = ended(written_job(home))
    async with paging(job, size=size) as one:
        await one.press("3")
        await one.tells("GPU 메모리(GB)")
        await one.press("right", "left", "left", "left", "left")
        await looks(one, "cards", size)


async def test_several_runs_over_each_other(home: Path) -> None:
    jobs = [
        ended(written_job(home, "first")),
        ended(written_job(home, "slower", done=380, train={"learning_rate": 1e-4, "batch": 128})),
        ended(written_job(home, "wider", done=100, adapter={"rank": 16})),
    ]
    for job in jobs:  # a leap would leave no room for the curves
        rows = [json.loads(line) for line in job.metrics.read_text().splitlines()]
        job.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows if row["step"] != 200))
    async with paging(None, size=(140, 45)) as one:
        await one.app.push_screen(OverlayScreen([job.id for job in jobs]))
        await one.tells("adapter.rank")
        await looks(one, "overlay", (140, 45))
