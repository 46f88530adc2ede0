"""A machine behind ssh: the system's own, with the user's configuration, so that aliases, jumps and hardware keys are as they are in a shell.

The agent is one file that is put there when it is first needed. A call is one connection's command with a line of JSON in and one out;
the first of them opens a connection that the others share.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.agent.trainer_process import SECRETS
from trainer.jobs.package import agent_archive
from trainer.jobs.transports import Told, nobody
from trainer.jobs.transports.answers import answer_in
from trainer.jobs.transports.askpass import Asking, questions_to
from trainer.jobs.transports.ssh_command import for_any_shell, ssh_options
from trainer.jobs.transports.ssh_faults import no_python, no_space, old_python, ssh_fault, strange_answer

_MOST_BYTES = 64 << 20  # of an answer
_SECONDS = 300.0
_LONG_SECONDS = 3600.0
_LONG = ("accept", "artifacts", "settle")  # which read whole models, or train for a moment
_SSH_FAILED = 255
_FULL = (28, 122)  # ENOSPC, EDQUOT

# $1 the Python, $2 the agent, then its arguments. What is missing is an answer, as the agent's own are.
_CALL = """cd / || exit; command -v "$1" >/dev/null 2>&1 || { echo; echo '@kullm {"error": {"kind": "no python"}}'; exit; }
[ -f "$2" ] || { echo; echo '@kullm {"error": {"kind": "no agent"}}'; exit; }
python=$1; agent=$2; shift 2; exec "$python" -I -S "$agent" "$@"
"""
_INSTALL = """
import errno, hashlib, json, os, sys
def tell(value):
    sys.stdout.write("\\n@kullm " + json.dumps(value) + "\\n")
    sys.exit()
if sys.version_info < (3, 8):
    tell({"error": {"kind": "old python", "version": sys.version.split()[0]}})
folder, name, digest = os.path.join(os.path.expanduser(sys.argv[1]), "agent"), sys.argv[2], sys.argv[3]
try:
    os.makedirs(folder, 0o700, exist_ok=True)
    content = sys.stdin.buffer.read()
    if hashlib.sha256(content).hexdigest() != digest:
        tell({"error": {"kind": "cut short"}})
    draft = os.path.join(folder, ".%s.%d" % (name, os.getpid()))
    with open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, os.path.join(folder, name))
except OSError as error:
    tell({"error": {"kind": "os", "errno": error.errno, "message": error.strerror, "path": str(error.filename or folder)}})
tell({"installed": name})
"""


@dataclass(frozen=True)
class SshTransport:
    machine: str  # as the user calls it
    ssh: str  # an alias of ~/.ssh/config, or an address
    folder: str = "~/.kullm"
    python: str = "python3"
    asking: Asking | None = field(default=None, compare=False)

    def call(self, verb: str, question: Mapping[str, Any]) -> dict[str, Any]:
        line = json.dumps(question).encode() + b"\n"
        seconds = _LONG_SECONDS if verb in _LONG else _SECONDS
        answer = self._answer(self._agent(verb, self.folder), line, seconds)
        if _kind(answer) == "no agent":
            self._install()
            answer = self._answer(self._agent(verb, self.folder), line, seconds)
        if _kind(answer) == "no python":
            raise no_python(self.machine, self.python)
        return answer

    def stream(self, verb: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Behind a call, which has put the agent there and opened the connection, so that nothing is asked here."""
        return subprocess.Popen(
            self.command(self._agent(verb, *arguments), asks=False),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )

    def upload(self, files: Mapping[str, Path], told: Told = nobody) -> None:
        from trainer.jobs.transports import piped, rsync

        answer = self.call("missing", {"files": [{"sha256": digest} for digest in files]})
        missing = {digest: files[digest] for digest in answer["missing"]}
        if not missing:
            return
        if answer.get("rsync") and rsync.is_here():
            rsync.upload(self, missing, str(answer["incoming"]), told)
        else:
            piped.upload(self, missing, answer["missing"], told)

    def download(self, folder: str, names: Sequence[str], target: Path, told: Told = nobody) -> None:
        from trainer.jobs.transports import piped, rsync

        if self.call("hello", {}).get("rsync") and rsync.is_here():
            rsync.download(self, folder, names, target, told)
        else:
            piped.download(self, folder, names, target, told)

    def command(self, remote: str, *, asks: bool) -> list[str]:
        return [*self.shell(asks=asks), self.ssh, remote]

    def shell(self, *, asks: bool) -> list[str]:
        return ["ssh", "-T", *ssh_options(asks=asks)]

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[dict[str, str]]:
        """The environment of an ssh that may ask."""
        with questions_to(self.asking) as variables:
            yield {**_environment(), **variables}

    def _agent(self, verb: str, *arguments: str) -> str:
        agent = f"{self.folder.rstrip('/')}/agent/{agent_archive()[0]}"
        return for_any_shell(_CALL, self.python, agent, verb, *arguments)

    def _install(self) -> None:
        name, content = agent_archive()
        digest = hashlib.sha256(content).hexdigest()
        script = 'umask 077; exec "$1" -I -S -c "$2" "$3" "$4" "$5"'
        remote = for_any_shell(script, self.python, _INSTALL, self.folder, name, digest)
        answer = self._answer(remote, content, _SECONDS)
        fault = answer.get("error") or {}
        if fault.get("kind") == "old python":
            raise old_python(self.machine, self.python, str(fault.get("version")))
        if fault.get("errno") in _FULL:
            raise no_space(self.machine, str(fault.get("path")))
        if fault:
            raise _not_installed(self.machine, fault)

    def _answer(self, remote: str, data: bytes, seconds: float) -> dict[str, Any]:
        with self.surroundings() as environment, tempfile.TemporaryFile() as said:
            command = self.command(remote, asks=self.asking is not None)
            code, output = _exchanged(command, data, environment, said, seconds)
            said.seek(0)
            words = said.read(_MOST_BYTES).decode(errors="replace")
        answer = answer_in(output)
        if answer is not None:
            return answer
        if code == _SSH_FAILED or code < 0:
            raise ssh_fault(self.machine, self.ssh, words)
        raise self._unanswered(code, words)

    def _unanswered(self, code: int, words: str) -> KullmError:
        """A Python that is too old cannot say so."""
        version = self._python_version()
        if version and tuple(map(int, version.split(".")[:2])) < (3, 8):
            return old_python(self.machine, self.python, version)
        return strange_answer(self.machine, code, words)

    def _python_version(self) -> str:
        code = "import sys; sys.stdout.write('\\nkullm-version ' + '.'.join(map(str, sys.version_info[:3])) + '\\n')"
        remote = for_any_shell('exec "$1" -c "$2"', self.python, code)
        with self.surroundings() as environment, tempfile.TemporaryFile() as said:
            command = self.command(remote, asks=self.asking is not None)
            _, output = _exchanged(command, b"", environment, said, _SECONDS)
        lines = output.decode(errors="replace").splitlines()
        return next((line.split()[-1] for line in lines if line.startswith("kullm-version ")), "")


def _kind(answer: Mapping[str, Any]) -> str:
    fault = answer.get("error")
    return str(fault.get("kind")) if isinstance(fault, dict) else ""


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


def _environment() -> dict[str, str]:
    """Without keys, whatever SendEnv says."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def _no_ssh() -> KullmError:
    return KullmError(
        say("이 컴퓨터에 ssh가 없어요. OpenSSH를 설치하세요.", "there is no ssh on this computer. Install OpenSSH.")
    )


def _not_installed(machine: str, fault: Mapping[str, Any]) -> KullmError:
    reason, path = fault.get("message") or fault.get("kind"), fault.get("path") or ""
    return KullmError(
        say(
            f"{machine}에 kullm의 프로그램을 두지 못했어요({reason}): {path}. `kullm config set machines.{machine}.folder 폴더`로 쓸 수 있는 폴더를 정하세요.",
            f"our program was not put on {machine} ({reason}): {path}. Name a folder that you may write with "
            f"`kullm config set machines.{machine}.folder FOLDER`.",
        )
    )
