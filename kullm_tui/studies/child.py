"""A stage's command as a process: it narrates as to a terminal, which is ours, and what it says is handed on line by line.

Where this process is killed the child's terminal is gone with it, so what narrates ends soon; the child holds the study's lock until then.
"""

import codecs
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json

_COLUMNS = 160
_PIECE = 65536
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LAST_LINES = 12

Heard = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    code: int
    last_words: str  # what it said at the end, for whoever asks why
    result: dict[str, Any]  # the JSON object that it printed; empty where it printed none


class Child:
    """One at a time; `stop` from another thread asks it to end as ctrl-c does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    def is_stopped(self) -> bool:
        return self._stopped

    def stop(self) -> None:
        self._stopped = True
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    def run(self, arguments: Sequence[str], *, heard: Heard, log: Path, holding: int) -> Ended:
        """`holding`: a descriptor that stays open in it."""
        ours, theirs = _terminal()
        command = [sys.executable, "-P", "-m", "kullm_tui", *arguments]
        with log.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
                pass_fds=(holding,), process_group=0, env={**os.environ, "COLUMNS": str(_COLUMNS)},
            )  # fmt: skip
            if self._stopped:  # while it was being started
                self.stop()
            os.close(theirs)
            printed: list[bytes] = []
            reader = threading.Thread(target=self._drain, args=(printed,), daemon=True)
            reader.start()
            said = [line for line in _lines(ours, heard) if _logged(line, file)]
            code = self._process.wait()
            reader.join()
        os.close(ours)
        self._process = None
        return Ended(code, "\n".join(said[-LAST_LINES:]), _object(b"".join(printed)))

    def _drain(self, printed: list[bytes]) -> None:
        assert self._process
        assert self._process.stdout
        with self._process.stdout as stream:
            printed.extend(iter(lambda: stream.read(_PIECE), b""))


def _terminal() -> tuple[int, int]:
    """Its two ends. What is written passes as it is: no carriage return is put before the end of a line."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, _COLUMNS))
    settings = termios.tcgetattr(theirs)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    return ours, theirs


def _lines(terminal: int, heard: Heard) -> Iterator[str]:
    """What stays; what is written over only passes by, each text once."""
    waiting, last = "", ""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while piece := _read(terminal):
        *whole, waiting = re.split(r"(?<=[\r\n])", waiting + decoder.decode(piece))
        for part in (*whole, waiting):
            text = _CONTROLS.sub("", part).strip()
            if text and text != last:
                heard(text)
                last = text
            if text and part.endswith("\n"):
                yield text
    if text := _CONTROLS.sub("", waiting).strip():
        yield text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, _PIECE)
    except OSError:  # Linux reports the end of a terminal as an error
        return b""


def _logged(line: str, file: Any) -> bool:
    print(line, file=file, flush=True)
    return True


def _object(printed: bytes) -> dict[str, Any]:
    for line in reversed(printed.decode(errors="replace").splitlines()):
        with contextlib.suppress(json.JSONDecodeError, ValueError):
            told = foreign_json.parsed(line)
            if isinstance(told, dict):
                return told
    return {}
