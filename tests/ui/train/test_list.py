"""The list of trainings: what a row says, that it lives, and that nobody waits for it."""

from pathlib import Path

import pytest
from textual.widgets import Button

from kullm_tui.ui.train.new.screen import NewJobScreen
from kullm_tui.ui.widgets.row_list import Rows
from tests.trainer.jobs.elsewhere import add_rows, make_job, running, set_state
from tests.ui.training import training
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import publish


def named(home: Path, name: str) -> JobDirectory:
    return make_job(home, {"name": name})


async def test_without_a_training_the_screen_says_what_to_press(home: Path) -> None:
    assert home.is_dir()
    async with training() as one:
        await one.tells("아직 학습이 없어요", "n을 누르면")
        assert one.app.focused is one.screen.query_one("#begin", Button)
        await one.press("n")
        await one.until(lambda: isinstance(one.app.screen, NewJobScreen))


async def test_a_row_says_state_progress_and_what_is_left(home: Path) -> None:
    job = named(home, "나의 학습")
    add_rows(job, range(1, 31), steps=120, eta_s=5400.0)
    with running(job):
        async with training() as one:
            await one.tells("나의 학습", "학습 중", "25%", "30/120", "1시간 30분", "이 컴퓨터")


async def test_a_row_grows_while_it_is_looked_at_and_keeps_what_is_chosen(home: Path) -> None:
    first, second = named(home, "first"), named(home, "second")
    add_rows(first, range(1, 11), steps=100)
    set_state(second, "SUCCEEDED")
    with running(first):
        async with training() as one:
            await one.chooses(second.id)
            add_rows(first, range(11, 51), steps=100)
            await one.tells("50/100")
            third = named(home, "third")
            set_state(third, "QUEUED", queue={"place": 2, "why": "busy"})
            await one.tells("third")
            assert one.screen.chosen
            assert one.screen.chosen.id == second.id


async def test_a_queued_job_says_its_place_and_why(home: Path) -> None:
    job = named(home, "waits")
    with running(job):
        set_state(job, "QUEUED", queue={"place": 2, "why": "busy"})
        async with training() as one:
            await one.tells("대기 2번째: 다른 학습이 돌고 있어요")


async def test_a_failed_job_says_why(home: Path) -> None:
    set_state(named(home, "broken"), "FAILED", reason="full", message="9MB 남음")
    async with training() as one:
        await one.tells("실패", "디스크가 가득 찼어요 (9MB 남음)")


async def test_what_runs_stands_above_what_waits_and_that_above_what_has_ended(home: Path) -> None:
    ran, ended, waits = named(home, "ran"), named(home, "ended"), named(home, "waits")
    set_state(ended, "CANCELLED")
    with running(ran), running(waits):
        set_state(waits, "QUEUED")
        async with training() as one:
            await one.tells("학습 3개", "도는 것 1개", "대기 1개")
            assert [seen.name for seen in one.app.trainings.jobs] == ["ran", "waits", "ended"]


async def test_names_from_elsewhere_are_text_and_garbage_in_a_job_folder_hides_no_other(home: Path) -> None:
    evil, good = named(home, "[red]\x1b[2J악당"), named(home, "good")
    set_state(evil, "SUCCEEDED")
    set_state(good, "SUCCEEDED")
    evil.metrics.write_bytes(b'{"step": "x"}\n\xff\xfe\n{"step": 3, "loss": NaN}\nnot json\n')
    evil.events.write_bytes(b"\x00" * 100)
    broken = named(home, "broken")
    publish(broken.state, {"state": 7, "queue": "x", "since": "yesterday"})
    publish(named(home, "odd").state, {"state": "CANCELLED", "since": "yesterday", "queue": [1]})
    (broken.path / "job.json").write_text("[1, 2]")
    async with training() as one:
        await one.tells("[red]", "악당", "good", "broken", "odd")


async def test_in_a_small_terminal_enter_opens_the_page_and_escape_comes_back(home: Path) -> None:
    job = named(home, "small")
    set_state(job, "SUCCEEDED")
    async with training(size=(80, 24)) as one:
        await one.chooses(job.id)
        page, listing = one.screen.query_one("JobPage"), one.screen.query_one("#listing")
        assert (listing.display, page.display) == (True, False)
        await one.press("enter")
        assert (listing.display, page.display) == (False, True)
        await one.press("escape")
        assert (listing.display, page.display) == (True, False)
        await one.press("escape")
        assert one.app.current_mode == "chat"
        await one.press("f10")
        assert one.app.current_mode == "train"
        await one.press("f10")
        assert one.app.current_mode == "chat"


async def test_a_job_that_was_begun_in_the_form_is_chosen_as_soon_as_it_is_listed(home: Path) -> None:
    for name in ("first", "second"):
        set_state(named(home, name), "SUCCEEDED")
    async with training() as one:
        await one.press("n")
        await one.until(lambda: isinstance(one.app.screen, NewJobScreen))
        form = one.app.screen
        begun = named(home, "begun")
        form.dismiss(begun.id)
        await one.tells("begun")
        await one.until(lambda: one.screen.chosen and one.screen.chosen.id == begun.id)
        page = one.screen.query_one("JobPage")
        await one.until(lambda: getattr(page, "job_id", None) == begun.id)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_the_chosen_row_is_read_in_the_terminals_own_colours(home: Path, theme: str) -> None:
    with running(named(home, "한 학습")):
        async with training() as one:
            one.app.theme = theme
            await one.tells("한 학습", "학습 중")
            rows = one.screen.query_one("#jobs", Rows)
            for line in range(2):
                told = [segment.style for segment in rows.render_line(line) if segment.text.strip() and segment.style]
                assert told
                assert all(style.color != style.bgcolor for style in told)
                assert len({style.color for style in told}) == 1
