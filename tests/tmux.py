"""The real `kullm` in a real tmux: keys go in as a person presses them, the screen is read as a person sees it."""

import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.kullm_command import COMMAND, environment

_SECONDS = 240.0
_POLL_SECONDS = 0.05


class Tmux:
    """One session on a server of its own, ended with it."""

    def __init__(self, home: Path, *, size: tuple[int, int] = (140, 45), env: dict[str, str] | None = None) -> None:
        self._home = home
        self._socket = home / f"{os.urandom(3).hex()}.tmux"  # a server before may still be ending
        self._size = size
        self._environment = {**environment(home, **(env or {})), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}

    def __enter__(self) -> Self:
        columns, rows = (str(number) for number in self._size)
        self._tmux("-f", os.devnull, "new-session", "-d", "-x", columns, "-y", rows, "-s", "kullm", "sh")
        self._tmux("set-option", "-g", "default-terminal", "tmux-256color")
        self._tmux("set-option", "-s", "set-clipboard", "on")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._tmux("kill-server")

    def runs(self, *arguments: str) -> None:
        """Types the command line of `kullm` at the shell's prompt."""
        self.types(shlex.join([*COMMAND, *arguments]))
        self.presses("Enter")

    def types(self, text: str) -> None:
        self._tmux("send-keys", "-t", "kullm", "-l", text)

    def presses(self, *keys: str) -> None:
        """Keys by tmux's names: Enter, Escape, C-r, F2, S-Tab …"""
        for key in keys:
            self._tmux("send-keys", "-t", "kullm", key)
            time.sleep(_POLL_SECONDS)

    def resizes(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "kullm", "-x", str(columns), "-y", str(rows))

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "kullm")

    def coloured(self) -> str:
        """The screen with its colours, as terminals are told them."""
        return self._tmux("capture-pane", "-e", "-N", "-p", "-t", "kullm")

    def clipboard(self) -> str:
        """What a program wrote with OSC 52."""
        return self._tmux("show-buffer")

    def shows(self, *texts: str, seconds: float = _SECONDS) -> str:
        """The screen, once all of the texts are on it."""
        return self.comes_to(lambda screen: all(text in screen for text in texts), f"{texts} to be shown", seconds)

    def comes_to(self, is_right: Callable[[str], bool], wanted: str, seconds: float = _SECONDS) -> str:
        """The screen, once it is so."""
        deadline = time.monotonic() + seconds
        while not is_right(screen := self.screen()):
            assert time.monotonic() < deadline, f"waited for {wanted}; the screen:\n{screen}"
            time.sleep(_POLL_SECONDS)
        return screen

    def hides(self, text: str, seconds: float = _SECONDS) -> str:
        return self.comes_to(lambda screen: text not in screen, f"{text!r} to go", seconds)

    def pid(self) -> int:
        """The process that the shell runs in the foreground."""
        shell = self._tmux("display-message", "-p", "-t", "kullm", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[-1])

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            env=self._environment,
            cwd=self._home,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()
