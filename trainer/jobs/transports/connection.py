"""A connection to one machine through the system's ssh: its commands, its environment, and one exchange of bytes with what runs there."""

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.agent.trainer_process import SECRETS
from trainer.jobs.package import agent_archive
from trainer.jobs.transports.askpass import Asking, questions_to
from trainer.jobs.transports.ssh_command import for_any_shell, ssh_options

_MOST_BYTES = 64 << 20  # of an answer

# $1 the Python, $2 the agent, then its arguments. What is missing is an answer, as the agent's own are.
_CALL = """cd / || exit; command -v "$1" >/dev/null 2>&1 || { echo; echo '@kullm {"error": {"kind": "no python"}}'; exit; }
[ -f "$2" ] || { echo; echo '@kullm {"error": {"kind": "no agent"}}'; exit; }
python=$1; agent=$2; shift 2; exec "$python" -I -S "$agent" "$@"
"""


@dataclass(frozen=True)
class Exchange:
    """`said`: ssh's own words, or those of what ran there. A code below nought: it was ended from here."""

    code: int
    output: bytes
    said: str


@dataclass(frozen=True)
class Connection:
    machine: str  # as the user calls it
    ssh: str  # an alias of ~/.ssh/config, or an address
    folder: str = "~/.kullm"
    python: str = "python3"
    asking: Asking | None = field(default=None, compare=False)

    def agent(self, verb: str, *arguments: str) -> str:
        """The agent's command, as the login shell over there is given it."""
        agent = f"{self.folder.rstrip('/')}/agent/{agent_archive()[0]}"
        return for_any_shell(_CALL, self.python, agent, verb, *arguments)

    def shell(self) -> list[str]:
        return ["ssh", "-T", *ssh_options(asks=self.asking is not None)]

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[dict[str, str]]:
        """The environment of an ssh that may ask."""
        with questions_to(self.asking) as variables:
            yield {**without_secrets(), **variables}

    def exchange(self, remote: str, data: bytes, seconds: float) -> Exchange:
        with self.surroundings() as environment, tempfile.TemporaryFile() as said:
            code, output = _exchanged([*self.shell(), self.ssh, remote], data, environment, said, seconds)
            said.seek(0)
            return Exchange(code, output, said.read(_MOST_BYTES).decode(errors="replace"))

    def stream(self, verb: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Behind an exchange, which has opened the connection, so that nothing is asked here."""
        return subprocess.Popen(
            ["ssh", "-T", *ssh_options(asks=False), self.ssh, self.agent(verb, *arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=without_secrets(),
            start_new_session=True,
        )


def _exchanged(
    command: Sequence[str], data: bytes, environment: Mapping[str, str], said: IO[bytes], seconds: float
) -> tuple[int, bytes]:
    """Its exit code and what it wrote, at most so many bytes of it, in at most so many seconds; -9 where that was not enough."""
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment, start_new_session=True
        )
    except FileNotFoundError as error:
        raise _no_ssh() from error
    assert child.stdin
    assert child.stdout
    feeding = threading.Thread(target=_feed, args=(child.stdin, data), daemon=True)
    feeding.start()
    timer = threading.Timer(seconds, child.kill)
    timer.start()
    try:
        output = child.stdout.read(_MOST_BYTES)
        child.stdout.close()  # who writes on and on is stopped by it
        return child.wait(), output
    finally:
        timer.cancel()
        if child.poll() is None:
            child.kill()
            child.wait()
        feeding.join()


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError):
        pipe.write(data)
    with contextlib.suppress(OSError):
        pipe.close()


def without_secrets() -> dict[str, str]:
    """Without keys, whatever SendEnv says."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def _no_ssh() -> KullmError:
    return KullmError(
        say("이 컴퓨터에 ssh가 없어요. OpenSSH를 설치하세요.", "there is no ssh on this machine. Install OpenSSH.")
    )
