"""Where copied text goes, and that it arrives: with programs that stand in for the system's, and a real tmux."""

import base64
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.app import App

from kullm_tui.core.desktop import is_remote
from kullm_tui.ui.terminal.clipboard import copy, osc_52, programs

_TEXT = "복사할 글 'x' $(id) \x07 🎉\n둘째 줄"
_SESSION = (
    "SSH_TTY",
    "SSH_CONNECTION",
    "SSH_CLIENT",
    "TMUX",
    "STY",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
)


class _Written:
    def __init__(self) -> None:
        self.data = ""

    def write(self, data: str) -> None:
        self.data += data

    def flush(self) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PATH, alone, in a session without anything."""
    for name in _SESSION:
        monkeypatch.delenv(name, raising=False)
    programs_folder = tmp_path / "bin"
    programs_folder.mkdir()
    monkeypatch.setenv("PATH", str(programs_folder))
    monkeypatch.setattr("kullm_tui.ui.terminal.clipboard._WAIT", 240.0)
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("TERM", "xterm-256color")
    return programs_folder


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> tuple[App[None], _Written]:
    app: App[None] = App()
    written = _Written()
    monkeypatch.setattr(app, "_driver", written)
    return app, written


def _program(folder: Path, name: str, *, exit_code: int = 0) -> Path:
    """Writes its stdin and its arguments beside itself."""
    file = folder / name
    file.write_text(
        f'#!/bin/sh\n/bin/cat > {folder}/{name}.stdin\necho "$@" > {folder}/{name}.arguments\nexit {exit_code}\n'
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return folder / f"{name}.stdin"


@pytest.mark.parametrize(
    ("name", "variable"), [("wl-copy", "WAYLAND_DISPLAY"), ("xclip", "DISPLAY"), ("xsel", "DISPLAY"), ("tmux", "TMUX")]
)
async def test_a_program_of_the_system_gets_the_text_on_stdin(
    folder: Path, app: tuple[App[None], _Written], monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "x")
    received = _program(folder, name)
    said = await copy(app[0], _TEXT)
    assert said.startswith("복사했어요 · ")
    assert name in said
    assert received.read_text() == _TEXT
    assert "복사할" not in (folder / f"{name}.arguments").read_text()


async def test_windows_gets_utf_16_from_wsl(
    folder: Path, app: tuple[App[None], _Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSL_DISTRO_NAME", "Ubuntu")
    received = _program(folder, "clip.exe")
    assert await copy(app[0], _TEXT) == "복사했어요 · clip.exe"
    assert received.read_bytes().decode("utf-16") == _TEXT


async def test_a_program_that_fails_leaves_it_to_the_terminal(
    folder: Path, app: tuple[App[None], _Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    _program(folder, "xclip", exit_code=1)
    assert await copy(app[0], _TEXT) == "복사했어요 · OSC 52"
    assert app[1].data == f"\x1b]52;c;{base64.b64encode(_TEXT.encode()).decode()}\x07"


async def test_over_ssh_the_far_machines_clipboard_is_left_alone(
    folder: Path, app: tuple[App[None], _Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":10")
    monkeypatch.setenv("SSH_TTY", "/dev/pts/3")
    received = _program(folder, "xclip")
    assert await copy(app[0], _TEXT) == "복사했어요 · OSC 52"
    assert not received.exists()
    assert app[1].data.startswith("\x1b]52;c;")


@pytest.mark.usefixtures("folder")
async def test_what_is_too_long_for_the_terminal_goes_to_a_private_file(
    app: tuple[App[None], _Written], tmp_path: Path
) -> None:
    text = "가" * 40_000
    said = await copy(app[0], text)
    file = tmp_path / "home" / "copied.txt"
    assert said == f"너무 길어서 복사하지 못하고 파일로 저장했어요: {file}"
    assert file.read_text() == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not app[1].data


@pytest.mark.usefixtures("folder")
async def test_a_console_without_a_clipboard_gets_a_file(
    app: tuple[App[None], _Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    assert "파일로 저장했어요" in await copy(app[0], _TEXT)
    assert not app[1].data


@pytest.mark.usefixtures("folder")
async def test_a_file_that_cannot_be_written_is_told(
    app: tuple[App[None], _Written], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "wall").write_text("")
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "wall"))
    monkeypatch.setenv("TERM", "dumb")
    assert (await copy(app[0], _TEXT)).startswith("복사하지 못했어요: ")


@pytest.mark.usefixtures("folder")
async def test_nothing_is_not_copied(app: tuple[App[None], _Written]) -> None:
    assert await copy(app[0], "") == "복사할 것이 없어요"
    assert not app[1].data


def test_screen_gets_pieces_that_it_does_not_drop() -> None:
    pieces = list(osc_52("가" * 500, {"STY": "1.pts"}))
    assert all(piece.startswith("\x1bP") and piece.endswith("\x1b\\") and len(piece) <= 80 for piece in pieces)
    whole = "".join(piece[2:-2] for piece in pieces)
    assert base64.b64decode(whole.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode() == "가" * 500


def test_each_system_has_its_programs() -> None:
    assert list(programs({}, "darwin")) == [("pbcopy",)]
    assert not list(programs({}, "linux"))
    assert not list(programs({"SSH_TTY": "x", "DISPLAY": ":0"}, "darwin"))
    assert is_remote({"SSH_CONNECTION": "1 2 3 4"})


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    """A tmux server of its own with one window, whose `cat` waits."""
    program = shutil.which("tmux")
    if program is None:
        pytest.fail("tmux is part of the set-up for the tests")
    command = [program, "-S", str(tmp_path / "socket"), "-f", "/dev/null"]
    subprocess.run(
        [*command, "new-session", "-d", "-x", "80", "-y", "24", "cat"],
        check=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    yield command
    subprocess.run([*command, "kill-server"], check=False)


@pytest.mark.parametrize("setting", ["external", "on"])
def test_a_real_tmux_holds_what_was_copied(tmux: list[str], tmp_path: Path, setting: str) -> None:
    subprocess.run([*tmux, "set-option", "-g", "set-clipboard", setting], check=True)
    script = tmp_path / "copies.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio, sys
            from pathlib import Path
            from textual.app import App
            from kullm_tui.ui.terminal.clipboard import copy

            class Copies(App[None]):
                async def on_mount(self) -> None:
                    Path({str(tmp_path / "said")!r}).write_text(await copy(self, "tmux로 복사 🎉"))
                    self.exit()

            Copies().run()
            """
        )
    )
    environment = [
        f"{name}={value}" for name, value in {"KULLM_HOME": str(tmp_path / "home"), "KULLM_LANG": "ko"}.items()
    ]
    flags = [argument for variable in environment for argument in ("-e", variable)]
    subprocess.run([*tmux, "new-window", *flags, f"{sys.executable} {script} 2> {tmp_path}/errors"], check=True)
    for _ in range(2400):
        if (tmp_path / "said").exists() and (tmp_path / "said").read_text():
            break
        time.sleep(0.1)
    assert (tmp_path / "said").read_text() == "복사했어요 · tmux · OSC 52"
    shown = subprocess.run([*tmux, "show-buffer"], check=True, capture_output=True, text=True).stdout
    assert shown == "tmux로 복사 🎉"
