"""A folder or a file handed to the desktop's own program, where somebody sits in front of one.

Over ssh there is none, whatever the variables of a forwarded display say: the window would open where nobody looks for it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe

_REMOTE = ("SSH_TTY", "SSH_CONNECTION", "SSH_CLIENT")
_SECONDS = 3.0  # a program that still runs then shows it itself
_started: list["subprocess.Popen[bytes]"] = []  # one that is dropped before it ends complains


@dataclass(frozen=True)
class Opener:
    program: str
    arguments: Sequence[str]
    folder: Path | None = None  # that it is begun in
    tells: bool = True  # by its exit status whether it opened


def is_remote(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in _REMOTE)


def opener_of(path: Path, environment: Mapping[str, str], platform: str = sys.platform) -> Opener | None:
    """None where there is no desktop."""
    if is_remote(environment):
        return None
    if platform == "darwin":
        return Opener("open", [str(path)])
    if environment.get("WSL_DISTRO_NAME") and shutil.which("explorer.exe"):
        # It knows no path of Linux, takes its own folder as one of Windows, and ends with 1 whatever it did.
        return Opener("explorer.exe", [path.name], path.parent, tells=False)
    if environment.get("WAYLAND_DISPLAY") or environment.get("DISPLAY"):
        return Opener("xdg-open", [str(path)])
    return None


def open_on_desktop(path: Path) -> bool:
    """False where there is no desktop; KullmError where it could not open it. Waits a moment for that, in a thread of the caller's."""
    path = path.resolve()
    opener = opener_of(path, os.environ)
    if opener is None:
        return False
    _started[:] = [one for one in _started if one.poll() is None]
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                [opener.program, *opener.arguments],
                cwd=opener.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        except OSError as error:
            raise _unopened(path, f"{opener.program}: {cause_of(error)}") from error
        try:
            status = child.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            _started.append(child)
            return True
        if status and opener.tells:
            said.seek(0)
            raise _unopened(path, _first_line(said.read()) or f"{opener.program}: {status}")
    return True


def _first_line(said: bytes) -> str:
    lines = terminal_safe(said.decode(errors="replace")).split("\n")
    return next((line.strip() for line in lines if line.strip()), "")


def _unopened(path: Path, why: str) -> KullmError:
    return KullmError(say(f"열지 못했어요({why}): {path}", f"It could not be opened ({why}): {path}"))
