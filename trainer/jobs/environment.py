"""Which Python trains on a machine: the one that is there, where it has what the trainer needs; else one made from a lock, kept for the next job.

What the trainer needs are this package's own requirements; what a new environment gets are the versions that this project is tested with.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kullm_tui.core import foreign_json
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.paths import typed
from kullm_tui.core.text import terminal_safe
from trainer.jobs.client import Client
from trainer.jobs.transports.answers import answer_in
from trainer.jobs.transports.ssh_faults import ssh_fault

LEAST_PYTHON = (3, 11)
_EXTRAS = ("local", "train")
# Of the base install and of `local`, what only the app, its endpoints or the engine need.
_NOT_FOR_TRAINING = {
    "openai", "textual", "rich", "markdown-it-py", "pygments", "starlette", "uvicorn", "pydantic",
}  # fmt: skip
_CUDA_OF_TORCH = 13  # of the pinned torch, as the Python Package Index has it for Linux
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Lock:
    """What an environment is made of, and its name: two alike are one."""

    requirements: str
    constraints: str
    python: str
    wheels: str = ""  # the digest of their tree

    @property
    def digest(self) -> str:
        parts = [self.requirements, self.constraints, self.python, self.wheels]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def requirements() -> list[Requirement]:
    """What the trainer imports, as this package declares it."""
    return [one for one in _declared(_EXTRAS) if canonicalize_name(one.name) not in _NOT_FOR_TRAINING]


def _declared(extras: Sequence[str]) -> Iterator[Requirement]:
    here = default_environment()
    environments: list[dict[str, Any]] = [{**here, "extra": extra} for extra in ("", *extras)]
    for text in importlib.metadata.requires("kullm") or ():
        requirement = Requirement(text)
        applies = requirement.marker is None or any(requirement.marker.evaluate(one) for one in environments)
        if applies and requirement.name != "kullm":
            yield requirement


def missing_packages(found: Mapping[str, Any]) -> list[str]:
    """What a Python over there lacks, or has in another version; its own age among it."""
    if tuple(found.get("version") or (0,)) < LEAST_PYTHON:
        return ["python>=" + ".".join(map(str, LEAST_PYTHON))]
    have = found["distributions"]
    return [
        f"{one.name}{one.specifier}"
        for one in requirements()
        if not one.specifier.contains(have.get(canonicalize_name(one.name), "0"), prereleases=True)
    ]


def cuda_of(found: Mapping[str, Any]) -> int:
    """The first number of CUDA's version that torch there is built for; that of the pinned one where there is none."""
    have = found.get("distributions") or {}
    torch = str(have.get("torch") or "")
    if "+cu" in torch:
        return int(torch.partition("+cu")[2][:2])
    if "+" in torch:
        return 0
    runtimes = [int(name[-2:]) for name in have if name.startswith("nvidia-cuda-runtime-cu") and name[-2:].isdigit()]
    return max(runtimes, default=_CUDA_OF_TORCH)


def lock_of(settings: MachineSettings, python: str, wheels: str = "") -> Lock:
    if settings.lock:
        return Lock(_own_lock(settings), "", python, wheels)
    wanted = "".join(f"{_plain(one)}\n" for one in requirements())
    return Lock(wanted, resources.files("trainer").joinpath("constraints.txt").read_text("utf-8"), python, wheels)


def _plain(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _own_lock(settings: MachineSettings) -> str:
    path = typed(settings.lock)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            say(
                f"{settings.name}의 lock 파일을 읽을 수 없어요: {path}. `kullm config set machines.{settings.name}.lock 파일`로 고치세요.",
                f"the lock of {settings.name} cannot be read: {path}. Correct it with `kullm config set machines.{settings.name}.lock FILE`.",
            )
        ) from error


def base_python(settings: MachineSettings, told: Mapping[str, Any]) -> str:
    """From which the environment is made. uv finds or fetches one by its version."""
    able = [one["path"] for one in told["pythons"] if tuple(one["version"]) >= LEAST_PYTHON]
    with_venv = [one["path"] for one in told["pythons"] if tuple(one["version"]) >= LEAST_PYTHON and one["venv"]]
    if told.get("uv"):
        return str(able[0]) if able else "3.12"
    if with_venv:
        return str(with_venv[0])
    raise KullmError(
        say(
            f"{settings.name}에는 학습에 쓸 Python(3.11 이상, venv 포함)이 없어요. uv를 설치하거나 "
            f"`kullm config set machines.{settings.name}.python 경로`로 정하세요.",
            f"{settings.name} has no Python to train with (3.11 or later, with venv). Install uv there, or name one with "
            f"`kullm config set machines.{settings.name}.python PATH`.",
        )
    )


def make(client: Client, settings: MachineSettings, lock: Lock, wheels: str, told: Callable[[str], None]) -> str:
    """The environment's Python over there; made once, and found by the next job."""
    asked = {
        "digest": lock.digest,
        "python": lock.python,
        "requirements": lock.requirements,
        "constraints": lock.constraints,
        "wheels": wheels,
    }
    child = client.transport.stream("environment", settings.folder)
    assert child.stdin is not None
    assert child.stdout is not None
    last = b""
    with child:
        child.stdin.write(json.dumps(asked).encode() + b"\n")
        child.stdin.flush()
        while line := child.stdout.readline(_MOST_BYTES):
            last = line.strip() and line or last
            _pass_on(line, told)
    answer = answer_in(last)
    if answer is None:
        raise ssh_fault(settings.name, settings.ssh, "")
    if "error" in answer:
        raise _not_made(client.machine, answer["error"])
    return str(answer["python"])


def _pass_on(line: bytes, told: Callable[[str], None]) -> None:
    try:
        row = foreign_json.parsed(line)
    except ValueError:
        return
    if isinstance(row, dict) and isinstance(row.get("line"), str):
        told(terminal_safe(row["line"]))


def _not_made(machine: str, fault: Mapping[str, Any]) -> KullmError:
    words = terminal_safe(str(fault.get("message") or fault.get("kind")))
    return KullmError(
        say(
            f"{machine}에 학습 환경을 만들지 못했어요. 설치 프로그램의 마지막 말:\n{words}\n"
            f"인터넷이 없는 장비라면 --wheels 폴더를, 이미 환경이 있다면 `kullm config set machines.{machine}.python 경로`를 쓰세요.",
            f"the environment was not made on {machine}. The installer's last words:\n{words}\n"
            f"Without internet there, use --wheels FOLDER; with an environment of your own, `kullm config set machines.{machine}.python PATH`.",
        )
    )
