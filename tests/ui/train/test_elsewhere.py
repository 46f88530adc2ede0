"""Trainings on another machine, behind a real sshd: followed while the app is open, and honest about a machine that is gone."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from kullm_tui.core.errors import KullmError
from kullm_tui.ui.train.followers import Followers, Following
from tests.relay import Relay, relay
from tests.sshd import Sshd, sshd
from tests.trainer.jobs.elsewhere import add_rows, make_job, running, same, set_state
from tests.ui.training import training
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, private_dir, publish, turn
from trainer.jobs.mirror import waited
from trainer.jobs.registry import known_in, put_down

_NOBODY = 1  # no port that anybody listens on


@pytest.fixture
def box(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with sshd(tmp_path / "sshd") as one:
        for name, value in one.variables.items():
            monkeypatch.setenv(name, value)
        (home / "config.toml").write_text('machines = [{name = "box", ssh = "box"}]\n')
        yield one


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def unreachable(machine: str) -> NoReturn:
    raise KullmError(f"nobody hears {machine}")


def far_job(home: Path, box: Sshd, name: str) -> tuple[JobDirectory, JobDirectory]:
    """Here, and there."""
    there = make_job(private_dir(box.home / ".kullm"), {"name": name})
    here = JobDirectory(private_dir(home / "jobs" / there.id))
    put_down(here, machine="box", path=str(there.path))
    publish(here.spec, document(there.spec))
    return here, there


async def test_a_far_job_grows_in_the_list_and_its_files_come(home: Path, box: Sshd) -> None:
    here, there = far_job(home, box, "멀리")
    add_rows(there, range(1, 6), steps=20)
    with running(there):
        async with training() as one:
            await one.tells("멀리", "box · 연결됨", "5/20")
            add_rows(there, range(6, 11), steps=20)
            await one.tells("10/20", "50%")
            await one.until(lambda: same(here.metrics, there.metrics))
            set_state(there, "SUCCEEDED")
            await one.tells("완료")
            await one.until(lambda: one.app.trainings.jobs[0].is_complete)


@pytest.fixture
def way(box: Sshd) -> Iterator[Relay]:
    """What leads to the box."""
    with relay(box.port) as one:
        box.configure(one.port)
        box.know(port=one.port)
        yield one


async def test_a_machine_that_vanishes_is_a_line_and_its_job_keeps_its_numbers(
    home: Path, box: Sshd, way: Relay
) -> None:
    here, there = far_job(home, box, "멀리")
    add_rows(there, range(1, 6), steps=20)
    with running(there):
        async with training() as one:
            await one.tells("box · 연결됨", "5/20")
            box.configure(_NOBODY)
            way.strike("reset")
            put_down(here, heard=time.time() - 100)  # as if that had been a while ago
            await one.until(lambda: one.app.trainings.troubles)
            await one.tells("box:", "2분 전 소식", "5/20", "학습 중")
            box.configure(way.port)
            await one.tells("box · 연결됨")
            await one.until(lambda: not one.app.trainings.troubles)


async def test_a_machine_that_is_no_longer_configured_says_what_to_do(home: Path, box: Sshd) -> None:
    here, _ = far_job(home, box, "옛날")
    set_state(here, "RUNNING")
    (home / "config.toml").write_text("")
    async with training() as one:
        await one.tells("'box' 장비가 없어요", "옛날")


async def test_a_job_that_its_machine_does_not_have_any_more_says_so_in_its_row(home: Path, box: Sshd) -> None:
    here, there = far_job(home, box, "사라짐")
    set_state(here, "RUNNING")
    with contextlib.suppress(FileNotFoundError):
        there.spec.unlink()
    there.path.rename(there.path.with_name("gone"))
    async with training() as one:
        await one.tells("사라짐", "그 장비에 이 학습이 없어요")


async def test_a_far_result_is_fetched_from_the_list(home: Path, box: Sshd) -> None:
    here, there = far_job(home, box, "멀리")
    private_dir(there.artifacts)
    (there.artifacts / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "demo"}')
    (there.artifacts / "adapter_model.safetensors").write_bytes(bytes(1000))
    publish(there.manifest, {"schema": 1, "step": 9})
    set_state(there, "SUCCEEDED")
    async with training() as one:
        await one.until(lambda: one.screen.chosen and one.screen.chosen.has_result)
        await one.press("f")
        await one.until(lambda: (here.artifacts / "adapter_model.safetensors").is_file())
        await one.until(lambda: known_in(here).artifacts == "VERIFIED")
        assert (here.artifacts / "adapter_model.safetensors").read_bytes() == bytes(1000)


async def test_a_job_whose_machine_is_gone_for_good_is_forgotten_here_alone(home: Path, box: Sshd) -> None:
    here, there = far_job(home, box, "옛날")
    set_state(here, "CANCELLED")
    set_state(there, "CANCELLED")
    (home / "config.toml").write_text("")
    async with training() as one:
        await one.tells("옛날")
        await one.press("delete")
        await one.tells("옛날 학습을 지울까요")
        await one.press("right", "enter")
        await one.tells("box에서는 지우지 못했어요")
        assert here.path.is_dir()
        await one.press("right", "enter")
        await one.until(lambda: not here.path.exists())
        assert there.path.is_dir()


def test_a_job_that_was_removed_while_its_machine_was_asked_is_written_about_no_more(home: Path, box: Sshd) -> None:
    """Its thread would end with an error else, which pytest makes a failure."""
    here, _ = far_job(home, box, "옛날")
    following = Following(known_in(here), unreachable)
    with turn(here.path / "job.lock"):  # so that it waits to put down what it was told
        following.begin()
        _wait_for(lambda: following.trouble)
        time.sleep(0.2)
        shutil.rmtree(here.path)
    following.end(60)
    assert not following.active
    assert not here.path.exists()


def test_nothing_is_followed_that_is_being_removed(home: Path, box: Sshd) -> None:
    here, _ = far_job(home, box, "옛날")
    followers, jobs = Followers(unreachable), [known_in(here)]
    with followers.without(here.id):
        followers.follow(jobs)
        assert not followers._all
    followers.follow(jobs)
    try:
        _wait_for(followers.troubles)
    finally:
        followers.close(60)


def test_a_machine_that_answered_is_tried_at_once_by_what_waits_for_it() -> None:
    stopping, hurry = threading.Event(), threading.Event()
    waits = threading.Thread(target=waited, args=(stopping, hurry, 3600.0))
    waits.start()
    hurry.set()
    waits.join(60)
    assert not waits.is_alive()
    assert not hurry.is_set()
