"""Environments on a machine: the trainer's needs against what is there, and one made by pip from wheels of the test's own."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import ConfigError, KullmError
from tests.sshd import ALIAS, Sshd
from trainer.jobs.environment import lock_of, make, missing_packages, requirements
from trainer.jobs.machines import client_of
from trainer.jobs.payload import wheels_tree
from trainer.jobs.upload import bring

OURS = MachineSettings("box", ALIAS, python=sys.executable)


def test_what_only_the_app_needs_is_not_asked_of_a_machine() -> None:
    """A process that cannot import any of it trains all the same."""
    blocked = ("openai", "textual", "rich", "markdown_it", "pygments", "starlette", "uvicorn", "pydantic")
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import trainer.__main__, trainer.settle_there"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    names = {one.name for one in requirements()}
    assert {"torch", "transformers", "peft", "tokenizers", "numpy"} <= names
    assert names.isdisjoint(blocked)


@pytest.mark.usefixtures("box")
def test_versions_over_there_are_held_against_what_is_required_here() -> None:
    found = client_of(OURS).installed([sys.executable, "/no/such/python"])["pythons"]
    assert missing_packages(found[sys.executable]) == []
    assert found["/no/such/python"] == {}
    old = {**found[sys.executable]["distributions"], "torch": "1.13.1", "peft": "0"}
    lacking = missing_packages({**found[sys.executable], "distributions": old})
    assert [name.partition("<")[0].partition(">")[0] for name in lacking] == ["torch", "peft"]
    assert missing_packages({"version": [3, 8, 18], "distributions": old}) == ["python>=3.11"]


def _wheel(folder: Path, name: str, version: str, *, requires: str = "") -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}")
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,"]) + "\n")


@pytest.fixture
def locked(tmp_path: Path) -> MachineSettings:
    _wheel(tmp_path / "wheels", "tinytrainer", "1.0", requires="tinytensor>=2")
    _wheel(tmp_path / "wheels", "tinytensor", "2.1")
    lock = tmp_path / "lock.txt"
    lock.write_text("tinytrainer==1.0\ntinytensor==2.1\n")
    return replace(OURS, lock=str(lock), wheels=str(tmp_path / "wheels"))


def _with(box: Sshd, installer: str) -> None:
    box.without("uv")
    if installer == "uv":
        (box.bin / "uv").symlink_to(Path(sys.executable).with_name("uv"))


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_an_environment_is_made_once_from_wheels_and_found_by_the_next(
    box: Sshd, locked: MachineSettings, installer: str
) -> None:
    _with(box, installer)
    client = client_of(locked)
    wheels = wheels_tree(locked.wheels)
    place = bring(client, wheels, lambda _: None)
    lock = lock_of(locked, sys.executable, wheels.digest)
    said: list[str] = []
    with ThreadPoolExecutor(2) as two:  # two jobs at once
        pythons = set(two.map(lambda _: make(client, locked, lock, place, said.append), range(2)))
    [python] = pythons
    done = {"pip": "Successfully installed tinytensor-2.1 tinytrainer-1.0", "uv": "Installed 2 packages"}
    assert len([line for line in said if line.startswith(done[installer])]) == 1
    shown = subprocess.run([python, "-c", "import tinytrainer as t; print(t.VERSION)"], capture_output=True, check=True)
    assert shown.stdout == b"1.0\n"
    assert client.installed([], [lock.digest])["environments"] == {lock.digest: python}
    said.clear()
    assert make(client, locked, lock, place, said.append) == python
    assert said == []

    marker = Path(python).parents[1] / "COMPLETE"
    marker.unlink()  # as if it had been cut short
    assert client.installed([], [lock.digest])["environments"] == {}
    assert make(client, locked, lock, place, said.append) == python
    assert said
    assert marker.is_file()


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_lock_that_cannot_be_had_is_told_with_the_installers_last_words(
    box: Sshd, locked: MachineSettings, tmp_path: Path, installer: str
) -> None:
    _with(box, installer)
    (tmp_path / "lock.txt").write_text("tinytrainer==9.9\n")
    client = client_of(locked)
    client.hello()
    wheels = wheels_tree(locked.wheels)
    place = bring(client, wheels, lambda _: None)
    lock = lock_of(locked, sys.executable, wheels.digest)
    with pytest.raises(KullmError, match=r"tinytrainer==9\.9"):
        make(client, locked, lock, place, lambda _: None)
    assert client.installed([], [lock.digest])["environments"] == {}


def test_a_lock_is_another_where_anything_of_it_is(tmp_path: Path, locked: MachineSettings) -> None:
    one = lock_of(locked, "/usr/bin/python3")
    assert one.digest == lock_of(locked, "/usr/bin/python3").digest
    ours = lock_of(OURS, "/usr/bin/python3")
    assert "torch==" in ours.constraints
    digests = {one.digest, ours.digest, lock_of(locked, "3.12").digest, lock_of(locked, "3.12", "0" * 64).digest}
    (tmp_path / "lock.txt").write_text("tinytrainer==1.1\n")
    assert len(digests | {lock_of(locked, "/usr/bin/python3").digest}) == 5
    (tmp_path / "lock.txt").unlink()
    with pytest.raises(ConfigError, match="lock"):
        lock_of(locked, "3.12")
