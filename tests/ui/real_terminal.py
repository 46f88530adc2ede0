"""`kullm` in a pseudo-terminal of a given size: bytes go in as a terminal sends them, and every byte that comes out is kept."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kullm_command import COMMAND, environment

_SECONDS = 240.0

# What leaves a terminal unusable when it is not taken back, as (switched on, switched off).
MODES = {
    "the other screen": (b"\x1b[?1049h", b"\x1b[?1049l"),
    "the mouse": (b"\x1b[?1000h", b"\x1b[?1000l"),
    "the mouse's every move": (b"\x1b[?1003h", b"\x1b[?1003l"),
    "the mouse's long reports": (b"\x1b[?1006h", b"\x1b[?1006l"),
    "marked pastes": (b"\x1b[?2004h", b"\x1b[?2004l"),
    "reports of focus": (b"\x1b[?1004h", b"\x1b[?1004l"),
    "the kitty keys": (b"\x1b[>25u", b"\x1b[<u"),
    "no cursor": (b"\x1b[?25l", b"\x1b[?25h"),
    "no wrapping": (b"\x1b[?7l", b"\x1b[?7h"),
}
# What the app itself has reason to write: positions, colours, erasing, its modes and questions, the pointer's shape.
_OURS = re.compile(
    rb"\x1b\[[\d;:]*[ABCDHJKmGd]"
    rb"|\x1b\[\?[\d;]+[hl]"
    rb"|\x1b\[\?\d+\$p"
    rb"|\x1b\[[<>]\d*u"
    rb"|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)"
)


class AppTerminal:
    """Ends the app, however the test ends."""

    def __init__(
        self,
        home: Path,
        *,
        columns: int = 80,
        lines: int = 24,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.written = b""
        self._status: int | None = None
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execve(command[0], list(command), environment(home, **{"TERM": "xterm-256color", **(env or {})}))
        self.resize(columns, lines, tell=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.close()

    def close(self) -> None:
        """As a terminal window does."""
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def types(self, data: str | bytes) -> None:
        sent = data.encode() if isinstance(data, str) else data
        while sent:
            self.reads(0)
            sent = sent[os.write(self._terminal, sent[:1024]) :]

    def resize(self, columns: int, lines: int, *, tell: bool = True) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            os.kill(self.pid, signal.SIGWINCH)

    def waits_for(self, text: str, *, since: int = 0) -> None:
        """Until these characters were drawn one after another, whatever colours are between them."""
        deadline = time.monotonic() + _SECONDS
        while text not in drawn(self.written[since:]):
            assert time.monotonic() < deadline, drawn(self.written[since:])
            assert self.reads(0.5) or self._status is None, drawn(self.written)

    def reads(self, seconds: float) -> bool:
        """Whatever comes within this time; False when the terminal has ended."""
        until = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return True
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # Linux reports the end of a terminal as an error
                data = b""
            if not data:
                return False
            self.written += data

    def ends(self) -> int:
        """Its exit code; everything it still writes is read."""
        deadline = time.monotonic() + _SECONDS
        while self._status is None:
            assert time.monotonic() < deadline, "the app does not end"
            if self._terminal >= 0:
                self.reads(0.05)
            else:
                time.sleep(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        if self._terminal >= 0:
            self.reads(0.1)
        return self._status


def drawn(written: bytes) -> str:
    """The characters without the sequences between them."""
    return _OURS.sub(b"", written).decode(errors="replace")


def left_switched_on(written: bytes) -> list[str]:
    return [name for name, (on, off) in MODES.items() if written.rfind(on) > written.rfind(off)]


def strange_escapes(written: bytes) -> list[bytes]:
    """Escapes and other control bytes that the app has no reason to write."""
    rest = _OURS.sub(b"", written)
    found = re.findall(rb"\x1b.{0,20}|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f].{0,20}", rest, re.DOTALL)
    return found + [match.encode() for match in re.findall("[\x80-\x9f].{0,20}", rest.decode(errors="replace"))]
