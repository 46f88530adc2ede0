"""What a reader of the guides has: a shell, a terminal, and the servers that the guides name, each speaking its protocol on loopback.

The hub has the real repositories' names with small models in them, and the judge and DeepL cost nothing. `a100` is an sshd here.
"""

import contextlib
import os
import pty
import re
import select
import shlex
import signal
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deepl_server import KEY as DEEPL_KEY
from tests.deepl_server import DeepLServer
from tests.evaluator.judge_server import FORM, JudgeServer
from tests.hub_server import Hub, Repository, hub_server
from tests.kullm_command import COMMAND, environment
from tests.sshd import Sshd, sshd
from tests.tiny_models import save_model

_SECONDS = 900.0
_CTRL_C, _CTRL_Q = "\x03", "\x11"
_REPOSITORIES = (
    "nlpai-lab/kullm-polyglot-5.8b-v2",
    "beomi/KoAlpaca-Polyglot-5.8B",
    "EleutherAI/polyglot-ko-5.8b",
)
_ANSWERS = {
    "[y/N] ": "y",
    "[Y/n] ": "n",
    "그냥 ⏎): ": "",
    "OPENAI_API_KEY의 값: ": "sk-not-a-key",
    "DEEPL_AUTH_KEY의 값: ": DEEPL_KEY,
}
_NO_TEXT = re.compile(
    r"\x1b\[[0-9;?>=<]*[a-zA-Z$]|\x1b.|[^\n]*\r(?!\n)"
)  # colours, places, and lines that were written over
_STAYS = {"kullm": ("보내기", _CTRL_Q), "kullm serve": ("/v1", _CTRL_C), "kullm web": ("http://127.0.0.1", _CTRL_C)}


@dataclass(frozen=True)
class World:
    home: Path
    variables: Mapping[str, str]

    def run(self, command: str) -> tuple[int, str]:
        """In bash and a terminal; questions are answered with yes. The exit code, and what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            termios.tcsetwinsize(0, (30, 100))
            os.chdir(self.home)
            os.execve("/bin/bash", ["bash", "-c", command], dict(self.variables))
        try:
            shown = _followed(terminal, stays(command))
        finally:
            os.close(terminal)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code, _NO_TEXT.sub("", shown)


def stays(command: str) -> tuple[str, str] | None:
    """Of one that goes on until somebody ends it: the text that says it is there, and how it is left."""
    words = shlex.split(command.partition("\n")[0], comments=True)
    return _STAYS.get(" ".join(words[:2]))


def _followed(terminal: int, until: tuple[str, str] | None) -> str:
    shown, answered, deadline = "", 0, time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux reports the end of a terminal as an error
            return shown
        if not data:
            return shown
        shown += data.decode(errors="replace")
        fresh = shown[answered:]
        if until and until[0] in fresh:
            os.write(terminal, until[1].encode())
            until, answered = None, len(shown)
        for question, answer in _ANSWERS.items():
            if fresh.endswith(question):
                os.write(terminal, f"{answer}\n".encode())
                answered = len(shown)
    raise TimeoutError(shown)


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    with hub_server() as hub, _Judge() as judge, DeepLServer() as deepl, sshd(folder / "sshd") as box:
        _fill(hub, folder / "model")
        _is_called_a100(box)
        home = folder / "home"
        home.mkdir()
        variables = environment(
            home,
            TERM="xterm-256color",
            HF_ENDPOINT=hub.url,
            NO_PROXY="127.0.0.1,localhost",
            OPENAI_BASE_URL=judge.base_url,
            KULLM_DEEPL_URL=deepl.url,
            XDG_RUNTIME_DIR=box.variables["XDG_RUNTIME_DIR"],
        )
        programs = _program(folder / "bin", "kullm", *COMMAND)
        del variables["PYTHONWARNINGS"]  # an engine that is left running is meant to be
        variables["PATH"] = f"{programs}{os.pathsep}{box.variables['PATH']}"
        there = World(home, variables)
        try:
            yield there
        finally:
            there.run("kullm engine stop")


class _Judge(JudgeServer):
    def __init__(self) -> None:
        super().__init__(verdict=lambda question: "[[A]]" if "[[A]]" in question else FORM)


def _fill(hub: Hub, folder: Path) -> None:
    save_model(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    hub.repositories.update({name: Repository(files) for name in _REPOSITORIES})


def _is_called_a100(box: Sshd) -> None:
    """Its own Python has what a trainer needs."""
    box.names.append("a100")
    box.configure()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (box.bin / name).unlink(missing_ok=True)
    _program(box.bin, "python3", sys.executable)


def _program(folder: Path, name: str, *command: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    (folder / name).chmod(0o755)
    return folder
