"""A training begun on a machine behind a real sshd: planned with what the machine tells of itself, uploaded step by step, begun there once."""

import sys
from pathlib import Path

import pytest

from kullm_tui.core.config.edit import put_row
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.train.new.launching import Launching
from kullm_tui.ui.train.new.screen import NewJobScreen
from tests import nvidia_smi
from tests.sshd import ALIAS, Sshd
from tests.trainer.jobs.conftest import box as box
from tests.training import base as base
from tests.training import home as home
from tests.ui.train.filling import Filling, shown
from trainer.estimate import time as speeds
from trainer.jobs import dispatch
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.dispatch import is_waiting
from trainer.jobs.machines import client_of, require_machine
from trainer.jobs.registry import known_job, known_jobs


@pytest.fixture(autouse=True)
def _korean(box: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert box.port
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setattr(speeds, "_measure", lambda _facts: None)
    put_row("machines", {"name": "lab", "ssh": ALIAS, "python": sys.executable, "price_per_hour": 4.0})


async def at_lab(one: Filling) -> None:
    await one.until(lambda: one.form.draft)
    await one.puts("machine", "lab")
    await one.until(lambda: one.plan.outlook is not None and one.plan.outlook.found is not None)
    await one.planned()


async def test_a_training_goes_to_a_machine_whose_key_was_agreed_to_and_the_button_had_told_its_price(
    box: Sshd, home: Path
) -> None:
    box.known_hosts.write_text("")
    async with shown(NewJobScreen(str(home / "long.toml"))) as one:
        await one.until(lambda: one.form.draft)
        await one.puts("machine", "lab")
        await one.until(lambda: isinstance(one.app.screen, Confirm))
        await one.tells("SHA256:")
        await one.press("right", "enter")
        await one.until(lambda: one.plan.outlook is not None and one.plan.outlook.found is not None)
        await one.planned()
        assert one.app.screen is one.screen, "asked once"
        assert str(one.button.label).startswith("lab에서 ")
        assert "학습 시작 · 약 $" in str(one.button.label)
        assert one.told("여기서 올려요")
        assert one.told("그곳의 Python을 그대로 써요")
        await one.press("ctrl+r")
        await one.until(lambda: one.left)
    job = known_job(one.left[0])
    there = JobDirectory(box.home / ".kullm" / "jobs" / job.id)
    client = client_of(require_machine("lab"))
    try:
        assert job.machine == "lab"
        assert there.spec.is_file()
        assert client.show(job.id)["state"]["state"] in states.LIVE
        assert job.spec["argv"][-2:] == ["--on", "lab"]
    finally:
        client.cancel(job.id, grace=0.0)


async def test_what_is_called_off_in_the_upload_is_kept_and_can_be_gone_on_with(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called off at the first word of the upload."""
    uploaded = dispatch._uploaded

    async with shown(NewJobScreen(str(home / "long.toml"))) as one:

        def held(*asked: object) -> object:
            one.app.call_from_thread(one.screen.query_one(Launching).call_off)
            return uploaded(*asked)  # type: ignore[arg-type]

        await at_lab(one)
        monkeypatch.setattr(dispatch, "_uploaded", held)
        await one.press("ctrl+r")
        await one.until(lambda: one.left)
        await one.tells("목록에서 이어서 시작할 수 있어요")
    [job] = known_jobs()
    assert one.left == [job.id]
    assert is_waiting(job)
    assert job.state["state"] == states.STAGING


async def test_cards_that_others_use_are_seen_and_keep_it_from_beginning_unless_it_may_wait(
    box: Sshd, home: Path
) -> None:
    nvidia_smi.put(box.bin, cards=1, held={0: (1, 70_000)})
    async with shown(NewJobScreen(str(home / "long.toml"))) as one:
        await at_lab(one)
        await one.tells("1번 68.4")
        await one.press("ctrl+r")
        await one.tells("lab의 빈 GPU가 0개라")
        assert known_jobs() == []
        row = one.form.row("waits")
        assert row is not None
        assert row.display
        await one.puts("waits", "빌 때까지 기다리기")
        await one.planned()
        await one.press("ctrl+r")
        await one.until(lambda: one.left)
    client = client_of(require_machine("lab"))
    try:
        assert client.show(one.left[0])["state"]["state"] == states.QUEUED
    finally:
        client.cancel(one.left[0], grace=0.0)


async def test_a_machine_that_is_not_reached_is_told_beside_the_plan(box: Sshd, home: Path) -> None:
    box.configure(1)
    put_row("machines", {"name": "lab", "ssh": ALIAS, "gpus": "4xA100-80GB"})
    async with shown(NewJobScreen(str(home / "tiny.toml"))) as one:
        await one.until(lambda: one.form.draft)
        await one.puts("machine", "lab")
        await one.tells("lab에 연결하지 못했어요")
        await one.puts("gpus", "9")
        await one.tells("lab에는 GPU가 4개 있어요")
        await one.puts("gpus", "많이")
        row = one.form.row("gpus")
        assert row is not None
        await one.until(lambda: row.has_class("-faulty"))


async def test_a_host_key_that_was_refused_is_not_asked_about_at_each_change(box: Sshd, home: Path) -> None:
    box.known_hosts.write_text("")
    put_row("machines", {"name": "lab", "ssh": ALIAS, "gpus": "4xA100-80GB"})
    async with shown(NewJobScreen(str(home / "tiny.toml"))) as one:
        await one.until(lambda: one.form.draft)
        await one.puts("machine", "lab")
        await one.until(lambda: isinstance(one.app.screen, Confirm))
        await one.press("enter")
        await one.tells("호스트 키를 아직 확인하지 않아서")
        await one.puts("train.epochs", "7")
        await one.until(lambda: one.plan.outlook and one.plan.outlook.plan.asked.train.epochs == 7)
        await one.planned()
        assert one.app.screen is one.screen
        assert one.told("호스트 키를 아직 확인하지 않아서")
