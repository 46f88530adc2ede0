"""What a machine is told to lack before anything is put on it, asked of a real one behind sshd."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.config.settings import MachineSettings
from tests import nvidia_smi
from tests.sshd import ALIAS, Sshd
from trainer.jobs.machines import client_of
from trainer.jobs.preflight import Facts, Finding, findings, looked_at

OURS = MachineSettings("box", ALIAS, python=sys.executable)


def _looked(settings: MachineSettings = OURS) -> Facts:
    return looked_at(client_of(settings), settings)


def _found(facts: Facts, settings: MachineSettings = OURS) -> dict[str, Finding]:
    return {one.what: one for one in findings(facts, settings)}


@pytest.mark.usefixtures("box")
def test_a_python_that_has_all_that_the_trainer_needs_is_ready() -> None:
    found = _found(_looked())
    assert found["python"].level == "ok"
    assert "torch" in found["python"].text
    assert found["rsync"].level == "ok"
    assert found["gpu"].level == "note"


@pytest.mark.fault("remote without rsync, GPU or a new python; path with spaces or Hangul")
def test_without_rsync_uv_and_a_new_python_each_line_says_what_to_do(box: Sshd) -> None:
    box.without("rsync", "uv", "python3.11", "python3.12", "python3.13")
    old = box.bin / "old-python"
    old.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) echo 3 8 18 1; exit;; esac\nexec {sys.executable} "$@"\n')
    old.chmod(0o755)
    box.without("python3")
    settings = replace(OURS, python=str(old))
    facts = _looked(settings)
    facts = replace(
        facts,
        packages={"version": [3, 8, 18], "distributions": {}},
        told={**facts.told, "pythons": [one for one in facts.told["pythons"] if one["version"] == [3, 8, 18]]},
    )
    found = _found(facts, settings)
    assert found["rsync"].advice
    assert found["python"].level == "bad"
    assert "3.8.18" in found["python"].text
    assert "uv" in found["python"].advice


def test_others_on_the_cards_are_named_with_owner_number_and_memory(box: Sshd) -> None:
    nvidia_smi.put(box.bin, held={2: (os.getpid(), 40_960)})
    found = _found(_looked())
    assert "A100" in found["gpu"].text
    assert str(os.getpid()) in found["occupied"].text
    assert "40.0" in found["occupied"].text
    assert "--wait-gpus" in found["occupied"].advice
    assert "driver" not in found


def test_a_driver_that_is_too_old_for_the_wheel_is_bad(box: Sshd) -> None:
    nvidia_smi.put(box.bin, driver="470.57.02")
    facts = replace(_looked(), packages={})
    assert _found(facts)["driver"].level == "bad"
    torch = {"version": [3, 12, 1], "distributions": {"torch": "2.5.0+cu118"}}
    assert "driver" not in _found(replace(facts, packages=torch))


@pytest.mark.usefixtures("box")
@pytest.mark.parametrize(
    ("changed", "what", "level"),
    [
        ({"inodes": 100}, "inodes", "bad"),
        ({"free": 1 << 30}, "disk", "note"),
        ({"shm": 64 << 20, "cards": [{"index": 0, "name": "A100", "total_mib": 81920, "driver": "", "occupants": []}]}, "shm", "note"),
        ({"login": {"kills": True, "lingers": False}}, "linger", "bad"),
        ({"hub": False}, "hub", "note"),
    ],
)  # fmt: skip
def test_each_shortage_has_its_line_with_what_to_do(changed: dict[str, Any], what: str, level: str) -> None:
    facts = _looked()
    found = _found(replace(facts, told={**facts.told, "hub": True, **changed}))
    assert found[what].level == level
    assert found[what].advice


@pytest.mark.usefixtures("box")
def test_a_lingering_user_and_slurm_need_no_login() -> None:
    facts = _looked()
    told = {**facts.told, "login": {"kills": True, "lingers": True}}
    assert "linger" not in _found(replace(facts, told=told))
    told = {**facts.told, "login": {"kills": True, "lingers": False}, "sbatch": "/usr/bin/sbatch"}
    slurm = replace(OURS, launcher="slurm")
    assert "linger" not in _found(replace(facts, told=told), slurm)
    assert _found(replace(facts, told={**told, "sbatch": ""}), slurm)["slurm"].level == "bad"


@pytest.mark.fault("client clock ± 1 day")
@pytest.mark.usefixtures("box")
@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_differs_is_shown_and_no_more(days: int) -> None:
    facts = _looked()
    assert "clock" not in _found(facts)
    wrong = replace(facts, told={**facts.told, "clock": facts.told["clock"] + days * 86_400})
    assert _found(wrong)["clock"].level == "note"


def test_what_kills_users_processes_is_asked_of_the_system(box: Sshd, tmp_path: Path) -> None:
    """Root is never among them, so the question itself is looked at."""
    from trainer.jobs.agent import preflight

    busctl = tmp_path / "busctl"
    busctl.write_text("#!/bin/sh\necho b true\n")
    busctl.chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path}{os.pathsep}{before}"
    try:
        assert preflight._asked_of_logind() is True
    finally:
        os.environ["PATH"] = before
    assert box.home.is_dir()
