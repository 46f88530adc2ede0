"""The Python that trains on this machine: what one has installed, and one made from a lock, once, for every job that needs the same.

environments/DIGEST/        a venv; COMPLETE in it is written last, so that what was cut short is made anew
environments/DIGEST.lock    held by the one who makes it; the others wait
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any, Callable, Mapping

from trainer.jobs.agent.files import private_dir, turn

_SECONDS = 120
_LAST_LINES = 12
_DIGITS = frozenset("0123456789abcdef")
_INSTALLED = """
import importlib.metadata as metadata, json, sys
found = {}
for one in metadata.distributions():
    name = (one.metadata["Name"] or "").lower().replace("_", "-").replace(".", "-")
    found.setdefault(name, one.version)
print("@" + json.dumps({"version": list(sys.version_info[:3]), "distributions": found}))
"""


class NotMade(Exception):
    """With the last lines of what tried."""


def installed(python: str) -> dict[str, Any]:
    """The versions of everything that this Python would import; empty where there is no such Python."""
    command = [os.path.expanduser(python), "-c", _INSTALLED]  # noqa: PTH111
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",  # from where it would import first
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    line = next((line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.startswith("@")), "@{}")
    return dict(json.loads(line[1:]))


def place_of(root: Path, digest: str) -> Path:
    if len(digest) != 64 or not set(digest) <= _DIGITS:
        raise ValueError(f"not a digest: {digest[:80]!r}")
    return private_dir(root / "environments") / digest


def is_made(root: Path, digest: str) -> bool:
    return (place_of(root, digest) / "COMPLETE").is_file()


def python_of(root: Path, digest: str) -> str:
    return str(place_of(root, digest) / "bin" / "python")


def make(root: Path, asked: Mapping[str, Any], told: Callable[[str], None]) -> str:
    """Its Python. `asked`: digest, python, requirements and constraints as texts, wheels (a folder, or none), uv or not."""
    place = place_of(root, str(asked["digest"]))
    with turn(place.with_name(place.name + ".lock")):
        if not (place / "COMPLETE").is_file():
            shutil.rmtree(str(place), ignore_errors=True)
            private_dir(place)
            _build(place, asked, told)
            (place / "COMPLETE").write_text("")
    return str(place / "bin" / "python")


def _build(place: Path, asked: Mapping[str, Any], told: Callable[[str], None]) -> None:
    for name in ("requirements", "constraints"):
        (place / (name + ".txt")).write_text(str(asked.get(name) or ""), encoding="utf-8")
    wanted = ["-r", str(place / "requirements.txt"), "-c", str(place / "constraints.txt")]
    if asked.get("wheels"):
        wanted += ["--no-index", "-f", str(asked["wheels"])]
    python = os.path.expanduser(str(asked.get("python") or sys.executable))  # noqa: PTH111
    uv = shutil.which("uv") if asked.get("uv", True) else None
    if uv:
        # Its own cache may lie on another disk: a copy then, and no warning about it.
        _run([uv, "venv", "--quiet", "--allow-existing", "--python", python, str(place)], told)
        _run([uv, "pip", "install", "--python", str(place / "bin" / "python"), "--link-mode", "copy", *wanted], told)
        return
    _run([python, "-m", "venv", str(place)], told)
    pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "install", "--progress-bar", "off", *wanted], told)


def _run(command: list[str], told: Callable[[str], None]) -> None:
    last: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise NotMade(f"{command[0]}: {error.strerror}") from error
    try:
        assert child.stdout is not None
        for raw in child.stdout:
            line = raw.decode("utf-8", "replace").strip()
            if line:
                last.append(line)
                told(line)
        child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if child.returncode:
        raise NotMade("\n".join(last) or f"{command[0]} ended with {child.returncode}")
