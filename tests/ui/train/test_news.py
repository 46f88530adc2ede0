"""What is told of a training whose end nobody watched: in the header of every mode, and to the terminal only while somebody looks elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kullm_tui.ui.train.service import Trainings
from tests.trainer.jobs.elsewhere import make_job, running, set_state
from tests.ui.real_terminal import AppTerminal, drawn
from tests.ui.training import Training, training
from trainer.jobs.agent.directory import JobDirectory

_FOCUS, _BLUR, _F10 = b"\x1b[I", b"\x1b[O", b"\x1b[21~"
_NOTICE = "\x1b]9;"


@pytest.fixture
def job(home: Path) -> JobDirectory:
    return make_job(home, {"name": "밤새"})


async def elsewhere(one: Training, mode: str) -> None:
    await one.until(lambda: one.app.trainings.jobs)
    await one.app.switch_mode(mode)


@pytest.mark.parametrize("mode", ["chat", "compare", "evaluate"])
async def test_a_job_that_ends_is_said_in_the_header_of_every_mode_until_its_list_is_looked_at(
    job: JobDirectory, mode: str
) -> None:
    with running(job):
        async with training() as one:
            await elsewhere(one, mode)
            assert not one.told("밤새 학습")
            set_state(job, "SUCCEEDED")
            await one.tells("밤새 학습: 완료")
            await one.press("f10")
            await one.until(lambda: one.app.current_mode == "train")
            await one.app.switch_mode(mode)
            await one.until(lambda: not one.told("밤새 학습: 완료"))


async def test_jobs_that_had_ended_before_are_no_news(job: JobDirectory) -> None:
    set_state(job, "FAILED", rc=1)
    async with training() as one:
        await elsewhere(one, "chat")
        looked: list[Trainings] = []
        one.app.trainings.changed.subscribe(one.app, lambda _: looked.append(one.app.trainings))
        set_state(make_job(job.path.parents[1], {"name": "another"}), "FAILED", rc=1)
        one.app.trainings.look_again()
        await one.until(lambda: looked)
        assert not one.told("학습: 실패")


async def test_without_f10_a_job_that_ends_is_news_too(job: JobDirectory) -> None:
    from kullm_tui.ui.app import KullmApp

    with running(job):
        app = KullmApp()
        async with app.run_test(size=(140, 45)) as pilot:
            one = Training(app, pilot)
            await one.until(lambda: "trainings" in vars(app) and app.trainings.jobs)
            set_state(job, "LOST", reason="reboot")
            await one.tells("밤새 학습: 끊김")
            await one.press("f10")
            await one.tells("컴퓨터가 다시 시작됐어요")


@contextmanager
def attached(home: Path) -> Iterator[AppTerminal]:
    """A terminal that is known to show notices."""
    with AppTerminal(home, env={"TERM_PROGRAM": "iTerm.app", "KULLM_LANG": "ko"}) as terminal:
        terminal.waits_for("구름")
        terminal.types(_F10)
        terminal.waits_for("밤새")
        terminal.types(b"\x1b")
        yield terminal


def test_the_terminal_is_rung_only_while_somebody_looks_elsewhere(home: Path, job: JobDirectory) -> None:
    with running(job), attached(home) as terminal:
        terminal.types(_FOCUS)
        set_state(job, "SUCCEEDED")
        terminal.waits_for("밤새 학습: 완료")
        assert "\a" not in drawn(terminal.written)
        assert _NOTICE not in drawn(terminal.written)
        set_state(job, "RUNNING", start=2)
        terminal.types(_F10)  # it is seen to run again
        seen = len(terminal.written)
        terminal.waits_for("학습 중", since=seen)
        terminal.types(_BLUR)
        set_state(job, "FAILED", start=2, rc=1)
        terminal.waits_for("실패", since=seen)
        while "\a" not in drawn(terminal.written):
            assert terminal.reads(0.5)
        assert _NOTICE + "밤새 학습: 실패" in drawn(terminal.written)


def test_a_job_that_somebody_stopped_rings_nobody(home: Path, job: JobDirectory) -> None:
    with running(job), attached(home) as terminal:
        terminal.types(_BLUR)
        set_state(job, "CANCELLED")
        terminal.waits_for("밤새 학습: 멈춤")
        assert "\a" not in drawn(terminal.written)
