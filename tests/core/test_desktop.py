"""A folder is opened by the desktop's own program where there is a desktop; what speaks against it is told, and nothing waits for it."""

import os
from pathlib import Path

import pytest

from kullm_tui.core import desktop
from kullm_tui.core.desktop import open_on_desktop, opener_of
from kullm_tui.core.errors import KullmError


def put_program(folder: Path, body: str, name: str = "xdg-open") -> None:
    """A real program of that name, before all others."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In front of a desktop."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("SSH_TTY", "SSH_CONNECTION", "SSH_CLIENT", "WSL_DISTRO_NAME", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_a_folder_goes_to_the_desktops_program_and_its_failure_is_told(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "한글 폴더; rm"
    folder.mkdir()
    put_program(on_path, f'printf %s "$1" > "{tmp_path}/opened"')
    assert open_on_desktop(folder)
    assert (tmp_path / "opened").read_text() == str(folder)
    put_program(on_path, "echo; echo 'no method available' >&2; exit 3")
    with pytest.raises(KullmError, match="no method available.*한글 폴더"):
        open_on_desktop(folder)
    (on_path / "xdg-open").unlink()
    monkeypatch.setenv("PATH", str(on_path))
    with pytest.raises(KullmError, match="xdg-open"):
        open_on_desktop(folder)


def test_a_program_that_stays_open_is_left_open(on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desktop, "_SECONDS", 0.05)
    put_program(on_path, "exec sleep 600")
    assert open_on_desktop(tmp_path)
    (child,) = desktop._started
    assert child.poll() is None
    child.kill()
    child.wait()


def test_there_is_no_desktop_over_ssh_nor_without_a_display(on_path: Path, tmp_path: Path) -> None:
    assert opener_of(tmp_path, {}, "linux") is None
    assert opener_of(tmp_path, {"DISPLAY": ":10", "SSH_CONNECTION": "1"}, "linux") is None
    assert opener_of(tmp_path, {"SSH_TTY": "/dev/pts/1"}, "darwin") is None
    for environment, platform, program in (
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", "xdg-open"),
        ({}, "darwin", "open"),
    ):
        found = opener_of(tmp_path, environment, platform)
        assert found
        assert (found.program, list(found.arguments)) == (program, [str(tmp_path)])
    put_program(on_path, "exit 1", "explorer.exe")
    found = opener_of(tmp_path, {"WSL_DISTRO_NAME": "Debian"}, "linux")
    assert found
    assert (found.program, found.arguments, found.folder) == ("explorer.exe", [tmp_path.name], tmp_path.parent)
