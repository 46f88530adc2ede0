"""ssh's questions, asked by whoever can ask a person: a terminal, a dialog. None of them is answered from here.

ssh calls a program (SSH_ASKPASS) with its question; the program speaks to this process over a socket in a folder of our own. An
answer passes through that socket and the program's pipe alone.
"""

import contextlib
import json
import os
import shlex
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kullm_tui.core import foreign_json
from trainer.jobs.transports.ssh_command import runtime_dir

_PROGRAM = Path(__file__).with_name("askpass_program.py")
_LONGEST = 64 << 10


@dataclass(frozen=True)
class Question:
    """In ssh's own words. `host key`: yes, no or the fingerprint; `secret`: typed unseen; `touch`: only told, a key waits to be touched."""

    text: str
    kind: Literal["host key", "secret", "touch"]


Asking = Callable[[Question], str | None]  # None: not answered, and ssh gives up


@contextlib.contextmanager
def questions_to(asking: Asking | None) -> Iterator[Mapping[str, str]]:
    """The environment in which ssh asks there; without anybody to ask it is told so by its options."""
    if asking is None:
        yield {"SSH_ASKPASS_REQUIRE": "never"}
        return
    folder = Path(tempfile.mkdtemp(dir=runtime_dir(), prefix="a"))
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "s"))
            listening.listen()
            done = threading.Event()
            answering = threading.Thread(target=_answer, args=(listening, asking, done), daemon=True)
            answering.start()
            try:
                yield {
                    "SSH_ASKPASS": str(_wrapper(folder)),
                    "SSH_ASKPASS_REQUIRE": "force",
                    "DISPLAY": os.environ.get("DISPLAY", "none"),  # an older ssh asks only where there is one
                    "KULLM_ASKPASS": str(folder / "s"),
                }
            finally:
                done.set()
                with socket.socket(socket.AF_UNIX) as last:
                    last.connect(str(folder / "s"))
                answering.join()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wrapper(folder: Path) -> Path:
    """ssh runs a file without arguments of ours."""
    path = folder / "askpass"
    command = " ".join(map(shlex.quote, [sys.executable, "-I", "-S", str(_PROGRAM)]))
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path


def _answer(listening: socket.socket, asking: Asking, done: threading.Event) -> None:
    """One question after another, until ssh has ended."""
    while True:
        line, _ = listening.accept()
        with line, contextlib.suppress(OSError, ValueError):  # ssh, or its program, left before it had the answer
            if done.is_set():
                return
            with line.makefile("rb") as questions:
                asked = foreign_json.parsed(questions.readline(_LONGEST).decode("utf-8", "replace"))
            line.sendall(json.dumps(asking(_question(asked))).encode() + b"\n")


def _question(asked: Mapping[str, str]) -> Question:
    text = str(asked.get("text") or "").strip()
    if asked.get("confirms") == "none":
        return Question(text, "touch")
    return Question(text, "host key" if "(yes/no" in text else "secret")
