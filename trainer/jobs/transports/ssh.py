"""A machine behind ssh: the system's own, with the user's configuration, so that aliases, jumps and hardware keys are as they are in a shell.

The agent is one file that is put there when it is first needed. A call is one connection's command with a line of JSON in and one out;
the first of them opens a connection that the others share.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.package import agent_archive
from trainer.jobs.transports import Told, nobody, piped, rsync
from trainer.jobs.transports.answers import answer_in
from trainer.jobs.transports.connection import Connection
from trainer.jobs.transports.ssh_command import for_any_shell
from trainer.jobs.transports.ssh_faults import no_python, no_space, old_python, ssh_fault, strange_answer

_SECONDS = 300.0
_LONG_SECONDS = 3600.0
_LONG = ("accept", "artifacts", "settle")  # which read whole models, or train for a moment
_SSH_FAILED = 255
_FULL = (28, 122)  # ENOSPC, EDQUOT
_VERSION = "import sys; sys.stdout.write('\\nkullm-version ' + '.'.join(map(str, sys.version_info[:3])) + '\\n')"

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
    to: Connection

    def call(self, verb: str, question: Mapping[str, Any]) -> dict[str, Any]:
        line = json.dumps(question).encode() + b"\n"
        seconds = _LONG_SECONDS if verb in _LONG else _SECONDS
        remote = self.to.agent(verb, self.to.folder)
        answer = self._answer(remote, line, seconds)
        if _kind(answer) == "no agent":
            self._install()
            answer = self._answer(remote, line, seconds)
        if _kind(answer) == "no python":
            raise no_python(self.to.machine, self.to.python)
        return answer

    def stream(self, verb: str, *arguments: str) -> "Popen[bytes]":
        return self.to.stream(verb, *arguments)

    def upload(self, files: Mapping[str, Path], told: Told = nobody) -> None:
        answer = self.call("missing", {"files": [{"sha256": digest} for digest in files]})
        missing = {digest: files[digest] for digest in answer["missing"]}
        if not missing:
            return
        if answer.get("rsync") and rsync.is_here():
            rsync.upload(self.to, missing, str(answer["incoming"]), told)
        else:
            piped.upload(self.to, missing, answer["missing"], told)

    def download(self, folder: str, names: Sequence[str], target: Path, told: Told = nobody) -> None:
        if self.call("hello", {}).get("rsync") and rsync.is_here():
            rsync.download(self.to, folder, names, target, told)
        else:
            piped.download(self.to, folder, names, target, told)

    def _install(self) -> None:
        name, content = agent_archive()
        digest = hashlib.sha256(content).hexdigest()
        script = 'umask 077; exec "$1" -I -S -c "$2" "$3" "$4" "$5"'
        remote = for_any_shell(script, self.to.python, _INSTALL, self.to.folder, name, digest)
        answer = self._answer(remote, content, _SECONDS)
        fault = answer.get("error") or {}
        if fault.get("kind") == "old python":
            raise old_python(self.to.machine, self.to.python, str(fault.get("version")))
        if fault.get("errno") in _FULL:
            raise no_space(self.to.machine, str(fault.get("path")))
        if fault:
            raise _not_installed(self.to.machine, fault)

    def _answer(self, remote: str, data: bytes, seconds: float) -> dict[str, Any]:
        done = self.to.exchange(remote, data, seconds)
        answer = answer_in(done.output)
        if answer is not None:
            return answer
        if done.code == _SSH_FAILED or done.code < 0:
            raise ssh_fault(self.to.machine, self.to.ssh, done.said)
        raise self._unanswered(done.code, done.said)

    def _unanswered(self, code: int, words: str) -> KullmError:
        """A Python that is too old cannot say so."""
        done = self.to.exchange(for_any_shell('exec "$1" -c "$2"', self.to.python, _VERSION), b"", _SECONDS)
        lines = done.output.decode(errors="replace").splitlines()
        version = next((line.split()[-1] for line in lines if line.startswith("kullm-version ")), "")
        if version and tuple(map(int, version.split(".")[:2])) < (3, 8):
            return old_python(self.to.machine, self.to.python, version)
        return strange_answer(self.to.machine, code, words)


def _kind(answer: Mapping[str, Any]) -> str:
    fault = answer.get("error")
    return str(fault.get("kind")) if isinstance(fault, dict) else ""


def _not_installed(machine: str, fault: Mapping[str, Any]) -> KullmError:
    reason, path = fault.get("message") or fault.get("kind"), fault.get("path") or ""
    return KullmError(
        say(
            f"{machine}에 kullm의 프로그램을 두지 못했어요({reason}): {path}. `kullm config set machines.{machine}.folder 폴더`로 쓸 수 있는 폴더를 정하세요.",
            f"our program was not put on {machine} ({reason}): {path}. Name a folder that you may write with "
            f"`kullm config set machines.{machine}.folder FOLDER`.",
        )
    )
