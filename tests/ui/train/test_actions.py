"""What the keys do with a training: supervisors that really run, and the real trainer where its adapter matters."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Button

from kullm_tui.core.models.adapters import list_adapters, remove_adapter
from kullm_tui.ui.chat.screen import ChatScreen
from kullm_tui.ui.compare.screen import CompareScreen
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.train.new.screen import NewJobScreen
from kullm_tui.ui.train.page.overlay import OverlayScreen
from kullm_tui.ui.train.shell import ShellCommands
from tests.core.test_desktop import put_program
from tests.trainer.jobs.elsewhere import make_job, running, set_state
from tests.trainer.jobs.here import Here, Job
from tests.trainer.jobs.here import here as here
from tests.training import base as base
from tests.training import home as home
from tests.ui.training import Training, training
from trainer.jobs.keep import keep_finished
from trainer.jobs.registry import known_jobs

_SAVES_AND_ENDS = """
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
for step in range(1, 10**6):
    row(step, steps=1000)
    time.sleep(0.05)
"""


async def asked(one: Training) -> Confirm:
    await one.until(lambda: isinstance(one.app.screen, Confirm) and one.app.screen.is_mounted)
    assert isinstance(one.app.screen, Confirm)
    return one.app.screen


async def state_of(job: Job, *wanted: str) -> None:
    await asyncio.to_thread(job.turns, *wanted)


async def test_cancel_says_first_what_is_kept_and_afterwards_that_nothing_is_left(here: Here) -> None:
    job = here.job(name="긴 학습")
    job.start(path=here.program(_SAVES_AND_ENDS))
    await asyncio.to_thread(job.reaches, 3)
    async with training() as one:
        await one.chooses(job.id)
        await one.press("s")
        await asked(one)
        assert one.told("긴 학습 학습을 멈출까요?")
        assert one.told("체크포인트를 저장한 다음 멈춰요")
        await one.press("escape")
        await one.until(lambda: one.app.screen is one.screen)
        assert job.state["state"] == "RUNNING"
        await one.press("s")
        assert (await asked(one)).query_one("#yes", Button).has_focus
        await one.press("enter")
        await one.tells("긴 학습 학습을 멈췄어요. 남은 프로세스가 없어요")
        assert job.state["state"] == "CANCELLED"
        assert job.processes() == []
        await one.until(lambda: not one.told("학습 중"))


@pytest.fixture
def trained(here: Here, home: Path) -> Job:
    """By the real trainer, to its end."""
    assert home == here.root
    job = here.job(here.recipe("tiny"), name="tiny-adapter")
    job.start()
    job.turns("SUCCEEDED")
    return job


async def test_an_adapter_is_talked_to_and_compared_with_its_base_by_one_key(trained: Job, base: Path) -> None:
    async with training() as one:
        await one.chooses(trained.id)
        await one.press("t")
        await one.until(lambda: one.app.current_mode == "chat")
        chat = one.app.screen
        assert isinstance(chat, ChatScreen)
        session = chat.controller.session
        assert (session.model, session.adapter) == (str(base), "tiny-adapter")
        assert [adapter.run for adapter in list_adapters()] == [trained.id]
        for key, blind in (("v", False), ("b", True)):
            await one.press("f10")
            await one.until(lambda: one.app.current_mode == "train")
            await one.press(key)
            await one.until(lambda: one.app.current_mode == "compare")
            compare = one.app.screen
            assert isinstance(compare, CompareScreen)
            contestants = [(who.model, who.adapter) for who in compare.controller.contestants]
            assert contestants == [(str(base), ""), (str(base), "tiny-adapter")]
            assert compare.controller.hidden is blind
        assert len(list_adapters()) == 1


async def test_a_job_that_was_stopped_goes_on_from_its_checkpoint(here: Here, home: Path) -> None:
    assert home == here.root
    job = here.job(here.recipe("long"), name="다시")
    job.start()
    await asyncio.to_thread(job.reaches, 2)
    here.client.cancel(job.id)
    await state_of(job, "CANCELLED")
    saved = job.directory.complete_steps()[0]
    async with training() as one:
        await one.chooses(job.id)
        await one.press("r")
        await one.tells(f"다시 학습을 {saved}단계부터 이어서 해요")
        await asyncio.to_thread(job.reaches, saved + 1)
        assert [row["event"] for row in job.events("starting")] == ["starting"] * 2
        here.client.cancel(job.id, grace=0.0)
        await state_of(job, "CANCELLED")


async def test_remove_asks_with_the_focus_on_no_and_takes_the_row_away(here: Here) -> None:
    job = here.job(name="지울 것")
    set_state(job.directory, "CANCELLED")
    async with training() as one:
        await one.chooses(job.id)
        await one.press("delete")
        assert (await asked(one)).query_one("#no", Button).has_focus
        await one.press("enter")
        await one.until(lambda: one.app.screen is one.screen)
        assert job.directory.path.is_dir()
        await one.press("delete")
        await asked(one)
        await one.press("right", "enter")
        await one.tells("아직 학습이 없어요")
        assert not job.directory.path.exists()


async def test_what_cannot_be_done_now_has_no_key(here: Here) -> None:
    """A job that runs is not removed, one that is done is not stopped, one without a result is not talked to."""
    runs, done = make_job(here.root, {"name": "runs"}), make_job(here.root, {"name": "done"})
    set_state(done, "SUCCEEDED")
    done.manifest.parent.mkdir()
    done.manifest.write_text("{}")
    with running(runs):
        async with training() as one:
            await one.chooses(runs.id)
            assert allowed(one) == {"cancel_job"}
            await one.chooses(done.id)
            assert allowed(one) == {"fetch_job", "chat_with_it", "compare_with_base", "compare_blind", "remove_job"}
            await one.press("s")
            assert one.app.screen is one.screen


def allowed(one: Training) -> set[str]:
    sometimes = "cancel_job resume_job hold_job fetch_job chat_with_it compare_with_base compare_blind remove_job"
    return {action for action in sometimes.split() if one.screen.check_action(action, ())}


async def test_the_command_that_does_the_same_in_a_shell_is_copied(
    here: Here, clipboard: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(here.root, {"name": "runs", "argv": ["train", "demo-kullm", "--name", "내 것"]})
    with running(job):
        async with training() as one:
            await one.chooses(job.id)
            await one.press("y")
            await one.until(lambda: isinstance(one.app.screen, ShellCommands))
            await one.tells(f"kullm jobs cancel {job.id}", "kullm train demo-kullm --name '내 것'")
            assert not one.told(f"kullm jobs remove {job.id}")
            await one.press("down", "enter")
            await one.tells(f"kullm jobs cancel {job.id}")
            assert clipboard() == f"kullm jobs cancel {job.id}"
            await one.press("o")
            await one.until(lambda: clipboard() == str(job.path))
            put_program(here.root, f'printf %s "$1" > "{here.root}/opened"', "xdg-open")
            monkeypatch.setenv("PATH", f"{here.root}{os.pathsep}{os.environ['PATH']}")
            monkeypatch.delenv("SSH_TTY")
            monkeypatch.setenv("DISPLAY", ":0")  # in front of a desktop it is opened
            await one.press("o")
            await one.tells("폴더를 열었어요")
            assert (here.root / "opened").read_text() == str(job.path.resolve())


@pytest.fixture
def clipboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A terminal that keeps nothing: what is copied goes to a file."""
    for name in ("TMUX", "STY", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("SSH_TTY", "/dev/pts/0")

    def read() -> str:
        file = tmp_path / "copied.txt"
        return file.read_text() if file.is_file() else ""

    return read


async def test_a_copy_is_made_in_the_form_and_marked_ones_go_over_each_other(here: Here) -> None:
    jobs = [make_job(here.root, {"name": name}) for name in ("a", "b")]
    for job in jobs:
        set_state(job, "SUCCEEDED")
    async with training() as one:
        await one.chooses(jobs[0].id)
        await one.press("c")
        await one.until(lambda: isinstance(one.app.screen, NewJobScreen))
        one.app.pop_screen()
        await one.press("p")
        await one.tells("두 개 이상 고르세요")
        await one.press("space", "up", "space", "p")
        await one.until(lambda: isinstance(one.app.screen, OverlayScreen))


async def test_a_refusal_is_said_under_the_list_with_the_next_step(here: Here, home: Path) -> None:
    """A spec that somebody has changed is not gone on with."""
    assert home == here.root
    job = here.job(here.recipe("tiny"), name="고친 것")
    set_state(job.directory, "FAILED", reason="signal", signal="SIGKILL")
    spec = json.loads(job.directory.spec.read_text())
    spec["recipe"]["train"]["learning_rate"] = 0.5
    job.directory.spec.write_text(json.dumps(spec))
    async with training() as one:
        await one.chooses(job.id)
        await one.tells("프로세스가 강제로 끝났어요(SIGKILL)")
        await one.press("r")
        await one.tells("spec.json을 누가 고쳤어요", "kullm jobs clone")


async def test_what_was_trained_here_has_its_name_without_a_key_and_stays_away_once_it_was_removed(
    trained: Job,
) -> None:
    async with training() as one:
        await one.until(list_adapters)
    [adapter] = list_adapters()
    assert (adapter.name, adapter.run) == ("tiny-adapter", trained.id)
    remove_adapter("tiny-adapter")
    keep_finished(known_jobs())
    assert list_adapters() == []


async def test_a_job_in_the_queue_is_held_and_released_by_one_key(here: Here) -> None:
    job = make_job(here.root, {"name": "차례"})
    with running(job):
        set_state(job, "QUEUED", queue={"place": 1, "why": "busy"})
        async with training() as one:
            await one.chooses(job.id)
            await one.press("h")
            await one.tells("차례 학습을 보류했어요")
            assert job.hold.exists()
            set_state(job, "QUEUED", queue={"place": 1, "why": "held"})
            await one.until(lambda: one.screen.chosen and one.screen.chosen.is_held)
            await one.press("h")
            await one.tells("다시 차례를 기다려요")
            assert not job.hold.exists()
