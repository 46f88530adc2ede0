"""A training begun from its form: on this computer under a real supervisor, called off on its way, and one like it again."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.ui.train.new.launching import Launching
from kullm_tui.ui.train.new.screen import NewJobScreen
from tests.training import base as base
from tests.training import home as home
from tests.ui.train.filling import shown
from trainer.dataset import tokens
from trainer.estimate import time as speeds
from trainer.jobs.agent import states
from trainer.jobs.reach import HERE
from trainer.jobs.registry import known_job, known_jobs


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KULLM_HOME", str(home))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(speeds, "_measure", lambda _facts: None)
    yield
    for job in known_jobs():
        if job.state.get("state") in states.LIVE:
            HERE.cancel(job.id, grace=0.0)


async def test_a_training_is_begun_here_with_what_was_filled_in_and_learns(home: Path) -> None:
    async with shown(NewJobScreen(str(home / "tiny.toml"))) as one:
        await one.planned()
        await one.puts("train.epochs", "1")
        await one.puts("name", "mine")
        await one.planned()
        await one.press("ctrl+r")
        await one.until(lambda: one.left)
    [left] = one.left
    job = known_job(left)
    assert job.name == "mine"
    assert job.spec["recipe"]["train"]["epochs"] == 1
    assert job.spec["argv"] == ["train", str(home / "tiny.toml"), "--set", "train.epochs=1", "--name", "mine"]
    assert job.spec["predicted"]
    done = threading.Event()
    for _ in range(1200):
        if HERE.show(left)["state"].get("state") not in states.LIVE or done.wait(0.2):
            break
    assert job.again().state["state"] == states.SUCCEEDED
    assert job.again().last["step"] == 6


async def test_a_training_like_another_opens_with_its_values_and_is_what_a_clone_would_be(home: Path) -> None:
    async with shown(NewJobScreen(str(home / "long.toml"))) as one:
        await one.planned()
        await one.puts("train.batch", "4")
        await one.planned()
        await one.press("ctrl+r")
        await one.until(lambda: one.left)
        first = one.left[0]
    async with shown(NewJobScreen(like=first)) as two:
        await two.planned()
        row = two.form.row("train.batch")
        assert row is not None
        assert row.text == "4"
        await two.puts("method.rank", "2")
        await two.planned()
        await two.press("ctrl+r")
        await two.until(lambda: two.left)
    second = known_job(two.left[0])
    assert second.spec["argv"] == ["jobs", "clone", first, "--set", "method.rank=2"]
    assert second.spec["recipe"]["method"]["rank"] == 2
    assert second.spec["recipe"]["train"] == known_job(first).spec["recipe"]["train"]


async def test_a_name_that_is_taken_is_told_and_nothing_is_made(home: Path) -> None:
    (home / "adapters" / "mine").mkdir(parents=True)
    async with shown(NewJobScreen(str(home / "tiny.toml"))) as one:
        await one.planned()
        await one.puts("name", "mine")
        await one.planned()
        await one.press("ctrl+r")
        await one.tells("mine 어댑터가 이미 있어요")
        assert one.told("이 컴퓨터에서")
    assert known_jobs() == []
    assert one.left == []


async def test_what_is_called_off_while_it_is_made_ready_is_not_begun(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held while the rows are made into tokens, so that there is a moment to call it off in."""
    made, arrived, go_on = tokens._made, threading.Event(), threading.Event()

    def held(*asked: object) -> object:
        arrived.set()
        assert go_on.wait(240)
        return made(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(tokens, "_made", held)
    async with shown(NewJobScreen(str(home / "tiny.toml"))) as one:
        await one.planned()
        await one.press("ctrl+r")
        await one.until(arrived.is_set)
        assert one.screen.query_one(Launching).is_under_way
        await one.press("escape")
        await one.tells("취소하는 중")
        go_on.set()
        await one.tells("시작하지 않았어요")
        await one.planned()
    assert known_jobs() == []


def test_the_app_reaches_no_torch_by_these_screens() -> None:
    import subprocess

    asked = (
        "import sys; import kullm_tui.ui.train.new.screen, kullm_tui.ui.train.machines.screen, trainer.jobs.launching; "
        "sys.exit(int('torch' in sys.modules or 'transformers' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
