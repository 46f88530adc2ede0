"""The machines in the app, behind a real sshd: added, checked line by line, watched, told whom to notify, taken off; ssh's questions as dialogs."""

import getpass
import os
import subprocess
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from kullm_tui.core.config.edit import put_row
from kullm_tui.core.config.keys import get_key
from kullm_tui.ui.dialogs.ask import AskLine, Confirm
from kullm_tui.ui.train.machines.questions import Secret
from kullm_tui.ui.train.machines.screen import MachinesScreen
from tests import nvidia_smi
from tests.sshd import ALIAS, Sshd, make_key
from tests.trainer.jobs.conftest import box as box
from tests.ui.train.filling import Filling, shown
from trainer.jobs.machines import known_machines, machine_settings
from trainer.jobs.transports.ssh_command import runtime_dir


@pytest.fixture(autouse=True)
def _korean(box: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert box.port
    monkeypatch.setenv("KULLM_LANG", "ko")


async def answers(one: Filling, kind: type, text: str = "", *, button: str = "yes") -> None:
    """The dialog of that kind, once it is there."""
    await one.until(lambda: isinstance(one.app.screen, kind) and one.app.screen.is_mounted, kind.__name__)
    dialog = one.app.screen
    if text:
        dialog.query_one(Input).value = text
    await one.pilot.pause()
    dialog.query_one(f"#{button}", Button).press()
    await one.until(lambda: one.app.screen is not dialog)


async def test_a_machine_is_added_with_only_what_it_does_not_tell_itself_asked_for(box: Sshd) -> None:
    nvidia_smi.put(box.bin)
    box.without("sbatch")
    async with shown(MachinesScreen()) as one:
        await one.tells("추가한 장비가 없어요")
        await one.press("a")
        await one.until(lambda: isinstance(one.app.screen, AskLine))
        one.app.screen.query_one(Input).value = "두 낱말"
        await one.press("enter")
        await one.tells("별칭이나 사용자@주소여야 해요")
        await answers(one, AskLine, ALIAS)
        await answers(one, AskLine, "lab")
        await answers(one, AskLine, "4")
        await one.tells("GPU 4개: NVIDIA A100")
        await one.tells("환경을 처음에 한 번 만들어요")
    [machine] = known_machines()
    assert (machine.name, machine.ssh, machine.gpus, machine.price_per_hour) == ("lab", ALIAS, "4xA100-80GB", 4)


async def test_a_host_key_that_nobody_agreed_to_is_shown_and_refused_or_agreed_to(box: Sshd) -> None:
    put_row("machines", {"name": "lab", "ssh": ALIAS})
    box.known_hosts.write_text("")
    async with shown(MachinesScreen()) as one:
        await one.tells("연결하면 물어봐요")
        await one.press("c")
        await one.until(lambda: isinstance(one.app.screen, Confirm))
        await one.tells("SHA256:")
        assert one.app.focused is not None
        assert one.app.focused.id == "no"
        await answers(one, Confirm, button="no")
        await one.tells("호스트 키를 아직 확인하지 않아서")
        assert not box.known_hosts.read_text()
        await one.press("c")
        await answers(one, Confirm)
        await one.tells("✓ 연결: ")
        assert box.known_hosts.read_text()


async def test_a_passphrase_is_asked_for_by_a_dialog_and_is_shown_nowhere(box: Sshd) -> None:
    key = make_key(box.folder / "locked_key", passphrase="아무도 모름")
    with (box.folder / "authorized_keys").open("a") as file:
        file.write(Path(f"{key}.pub").read_text())
    box.configure(key=key)
    put_row("machines", {"name": "lab", "ssh": ALIAS})
    async with shown(MachinesScreen()) as one:
        await one.tells("연결하면 물어봐요")
        await one.press("c")
        await one.until(lambda: isinstance(one.app.screen, Secret))
        one.app.screen.query_one(Input).value = "아무도 모름"
        await one.pilot.pause()
        assert not one.told("아무도 모름")
        await one.press("enter")
        await one.tells("✓ 연결: ")


async def test_a_machine_is_watched_with_other_peoples_processes_and_what_was_seen_stays_when_it_vanishes(
    box: Sshd,
) -> None:
    nvidia_smi.put(box.bin, cards=2, held={1: (os.getpid(), 40_000)})
    put_row("machines", {"name": "lab", "ssh": ALIAS})
    async with shown(MachinesScreen()) as one:
        await one.tells("연결하면 물어봐요")
        await one.press("enter")
        await one.tells(f"{getpass.getuser()} {os.getpid()}번 39.1")
        assert one.told("GPU 0")
        assert one.told("97%")
        assert one.told("우리 학습은 없어요")
        master = ["ssh", "-o", f"ControlPath={runtime_dir() / '%C'}", "-O", "exit", ALIAS]
        subprocess.run(master, check=True, capture_output=True)
        box.configure(1)  # where nobody listens
        await one.tells("연결하지 못했어요")
        await one.tells("초 전에 본 것이에요")
        assert one.told(f"{os.getpid()}번 39.1")


async def test_where_a_notice_goes_is_kept_with_the_keys_and_a_machine_is_taken_off(box: Sshd) -> None:
    assert box.port
    put_row("machines", {"name": "lab-1", "ssh": ALIAS, "gpus": "4xA100-80GB"})
    async with shown(MachinesScreen()) as one:
        await one.tells("4xA100-80GB")
        await one.press("n")
        await one.until(lambda: isinstance(one.app.screen, Secret))
        one.app.screen.query_one(Input).value = "나에게"
        await one.press("enter")
        await one.tells("https://로 시작하는 주소를")
        await answers(one, Secret, "https://example.org/hook")
        await one.tells("웹훅으로 알려요")
        settings = machine_settings("lab-1")
        assert settings is not None
        assert get_key(settings.notify) == "https://example.org/hook"
        assert not one.told("example.org")
        await one.press("x")
        await answers(one, Confirm)
        await one.tells("추가한 장비가 없어요")
    assert known_machines() == ()
