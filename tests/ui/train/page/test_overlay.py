"""Several runs over each other in the real app, and what is in sight saved as a file."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Input

from kullm_tui.core.plot.file import COLOURS, figure_file, plots_figure
from kullm_tui.ui.train.page.curves import LOSS
from kullm_tui.ui.train.page.overlaid import Run, axes_of, best_marks, differences_of, overlaid_rows
from kullm_tui.ui.train.page.overlay import OverlayScreen
from kullm_tui.ui.train.page.sight import Sight
from tests.trainer.jobs.elsewhere import running
from tests.ui.train.page.paging import Paging, ended, paging, written_job
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, publish
from trainer.jobs.registry import known_in
from trainer.jobs.watched import Watched


@pytest.fixture
def three(home: Path) -> list[JobDirectory]:
    return [
        ended(written_job(home, "first")),
        ended(written_job(home, "slower", done=380, train={"learning_rate": 1e-4, "batch": 128})),
        ended(written_job(home, "wider", done=100, adapter={"rank": 16})),
    ]


def watched(job: JobDirectory) -> Run:
    run = Run(Watched(job.id))
    while run.look is None or run.look.more:
        run.look = run.watched.look()
    return run


async def over(one: Paging, jobs: list[JobDirectory]) -> OverlayScreen:
    screen = OverlayScreen([job.id for job in jobs])
    await one.app.push_screen(screen)
    await one.until(lambda: all(run.look and not run.look.more for run in screen.runs))
    await one.until(lambda: one.told("다른 설정") or one.told("레시피가 모두 같아요"))
    return screen


async def test_only_what_differs_in_the_recipes_stands_in_the_table_the_baseline_first(
    three: list[JobDirectory],
) -> None:
    async with paging(None, size=(140, 45)) as one:
        await over(one, three)
        await one.tells("다른 설정 first slower wider")
        await one.tells("train.learning_rate 0.0003 0.0001 0.0003")
        await one.tells("adapter.rank 8 8 16")
        assert not one.told("train.batch")
        await one.press("b")
        await one.tells("다른 설정 slower first wider")
        await one.tells("adapter.rank 8 8 16")


async def test_a_run_is_compared_with_the_baseline_at_the_same_step_and_not_beyond_its_end(
    three: list[JobDirectory],
) -> None:
    async with paging(None, size=(140, 45)) as one:
        screen = await over(one, three)
        await one.press("right", "end")
        assert screen.sight.cursor == 380
        values = [run.value("loss", 380) for run in screen.runs]
        assert [value[0] if value else None for value in values] == [260, 380, 100]
        slower = screen.runs[1].watched.metrics
        assert values[0]
        await one.press("b")
        at_its_end = slower.at("loss", 260)
        assert at_its_end
        await one.tells(f"{values[0][1] - at_its_end[1]:+.4g}")


async def test_the_best_evaluation_of_each_run_is_marked_in_its_own_colour(three: list[JobDirectory]) -> None:
    runs = [watched(job) for job in three]
    marks = best_marks(runs, (0, 400))
    assert [(mark.x, mark.style) for mark in marks] == [
        (run.best[0] if run.best else None, at) for at, run in enumerate(runs)
    ]
    rows = overlaid_rows(runs, (LOSS, "loss"), Sight(), 120, 20)
    stars = {piece.style for row in rows for piece in row if piece.text == "*"}
    assert stars == {0, 1, 2}


async def test_the_field_changes_to_the_next_of_which_there_are_figures(three: list[JobDirectory]) -> None:
    async with paging(None, size=(95, 40)) as one:
        await over(one, three)
        await one.tells("손실 · 학습")
        await one.press("f")
        await one.tells("손실 · 평가")
        await one.press("f")
        await one.tells("학습률")


async def test_runs_grow_while_they_are_looked_at(home: Path) -> None:
    first, second = ended(written_job(home, "first", done=60)), written_job(home, "second", done=30)
    with running(second):
        async with paging(None, size=(80, 24)) as one:
            screen = await over(one, [first, second])
            assert screen.whole == (1, 60)
            append(second.metrics, {"step": 90, "loss": 1.125})
            await one.tells("1.1250 @90")
            assert screen.whole == (1, 90)


async def test_a_recipe_that_nobody_can_read_is_compared_as_it_is_written(home: Path) -> None:
    jobs = [ended(written_job(home, "first")), ended(written_job(home, "second"))]
    publish(jobs[1].spec, {"schema": 99, "name": "newer", "recipe": {"name": "tiny", "train": {"new": True}}})
    found = differences_of([known_in(job) for job in jobs])
    assert ("train.new", (None, True)) in [(one.place, one.values) for one in found]


@pytest.mark.parametrize("form", ["png", "svg"])
async def test_what_is_in_sight_is_saved_as_a_file(three: list[JobDirectory], tmp_path: Path, form: str) -> None:
    starts = {"png": b"\x89PNG", "svg": b"<?xml"}
    async with paging(three[0]) as one:
        for view, name in (("1", "glance"), ("2", "curves")):
            await one.press(view, "plus", "p")
            await saved(one, path := tmp_path / f"{name}.{form}")
            assert path.read_bytes().startswith(starts[form])
    if form == "svg":
        glance, curves = ((tmp_path / f"{name}.svg").read_text() for name in ("glance", "curves"))
        assert "손실" in glance
        assert "학습률" not in glance
        assert "학습률" in curves


async def test_the_overlay_is_saved_with_the_names_of_its_runs(three: list[JobDirectory], tmp_path: Path) -> None:
    async with paging(None) as one:
        await over(one, three)
        await one.press("p")
        await saved(one, path := tmp_path / "over.svg")
        text = path.read_text()
        assert all(name in text for name in ("first", "slower", "wider", "손실 · 학습"))


async def test_the_best_evaluations_in_sight_are_marked_in_the_file_too(three: list[JobDirectory]) -> None:
    runs = [watched(job) for job in three]
    marks = axes_of(runs, (LOSS, "loss"), Sight(), 400).marks
    assert [mark.style for mark in marks] == [0, 1, 2]
    whole, bare = (
        figure_file(partial(plots_figure, [axes], x_name="step"), "svg")
        for axes in (
            axes_of(runs, (LOSS, "loss"), Sight(), 400),
            replace(axes_of(runs, (LOSS, "loss"), Sight(), 400), marks=()),
        )
    )
    assert all(whole.count(colour.encode()) > bare.count(colour.encode()) for colour in COLOURS[:3])
    last = max(run.best[0] for run in runs if run.best)
    assert len(axes_of(runs, (LOSS, "loss"), Sight(width=4, end=last - 10), 400).marks) < 3


async def saved(one: Paging, path: Path) -> None:
    await one.tells("어디에 저장할까요")
    one.app.screen.query_one(Input).value = str(path)
    await one.press("enter")
    await one.until(path.exists)
