"""The real `kullm`, run as a person or a script runs it: in a process of its own, with pipes or with a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.processes import MARK

_SECONDS = 240.0
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "OMP_NUM_THREADS", "KULLM_PROCESSOR", MARK)
COMMAND = (sys.executable, "-P", "-m", "kullm_tui")


def environment(home: Path, **more: str) -> dict[str, str]:
    """As little of the surroundings as possible: no keys, no proxies, no other configuration."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    project = str(Path(__file__).parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (project, kept.get("PYTHONPATH"))))
    return {
        **kept,
        "HOME": str(home),
        "KULLM_HOME": str(home),
        "KULLM_LANG": "ko",
        "LANG": "C.UTF-8",
        "PYTHONWARNINGS": "error::ResourceWarning",
        **more,
    }


def kullm(
    home: Path,
    *arguments: str,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = _SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Without `stdin` it has none; otherwise that text is piped in."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL if data is None else None,
        input=data,
        capture_output=True,
        env=environment(home, **(env or {})),
        cwd=home,
        timeout=seconds,
        check=False,
    )  # fmt: skip
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def start(home: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, **(env or {})),
        cwd=home,
    )


class Terminal:
    """`kullm` in a pseudo-terminal of its own."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        size: tuple[int, int] = (100, 30),
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.shown = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            termios.tcsetwinsize(0, size[::-1])
            os.chdir(home)
            os.execve(
                command[0], [*command, *arguments], environment(home, **{"TERM": "xterm-256color", **(env or {})})
            )

    def types(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def waits_for(self, text: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            assert self._read(), self.shown

    def watches(self, seconds: float) -> None:
        """What it shows meanwhile is taken, as a terminal does: a program that nobody reads stops at its next word."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                self._read()

    def is_killed(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        self.ends()

    def ends(self) -> int:
        """Everything it still shows is read; its exit code."""
        while self._read():
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], _SECONDS)
        if not ready:
            os.kill(self._pid, signal.SIGKILL)
            raise TimeoutError(self.shown)
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # Linux reports the end of a terminal as an error
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
