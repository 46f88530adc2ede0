"""When a terminal app shows its first frame and when it echoes the first key, from its start, in a pseudo-terminal of its own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_SECONDS = 60.0
_PRESS_SECONDS = 0.01
_KEY = "~"  # stands on no screen of any side
SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_ALTERNATE_SCREEN = b"\x1b[?1049h"


@dataclass(frozen=True)
class Opened:
    first_frame: float
    first_echo: float  # of a key that is pressed from the first frame on: a side may drop those before it is ready
    processor: float  # seconds of processor time spent until then: what a busy machine does not stretch


def open_once(command: Sequence[str], environment: Mapping[str, str], *, columns: int = 100, lines: int = 30) -> Opened:
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(command), dict(environment))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    try:
        written = _read_until(terminal, b"", _shows_a_frame)
        first_frame = time.perf_counter() - began
        begin = len(written)
        _read_until(terminal, written, lambda seen: _KEY.encode() in SEQUENCE.sub(b"", seen[begin:]), press=_KEY)
        first_echo = time.perf_counter() - began
    finally:
        os.kill(pid, signal.SIGKILL)
        spent = os.wait4(pid, 0)[2]
        os.close(terminal)
    return Opened(first_frame, first_echo, spent.ru_utime + spent.ru_stime)


def _shows_a_frame(written: bytes) -> bool:
    _, switched, rest = written.partition(_ALTERNATE_SCREEN)
    return bool(switched and SEQUENCE.sub(b"", rest).split())


def _read_until(terminal: int, written: bytes, done: Callable[[bytes], bool], *, press: str = "") -> bytes:
    deadline = time.monotonic() + _SECONDS
    while not done(written):
        if press:
            os.write(terminal, press.encode())
        if time.monotonic() > deadline:
            raise TimeoutError(SEQUENCE.sub(b"", written).decode(errors="replace")[-2000:])
        if select.select([terminal], [], [], _PRESS_SECONDS)[0]:
            written += os.read(terminal, 65536)
    return written
