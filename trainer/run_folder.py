"""A run as a folder: the one class that owns every file name in it, and how its small files are written.

    spec.json        what was asked for; written once, never changed
    trainer.lock     held by the trainer that works here; `lock` is the supervisor's
    state.json       the supervisor's word on the run; `cancel` asks it to stop
    events.jsonl     what happened, numbered by its lines; metrics.jsonl: a row a step, and after a resume a step may stand twice:
                     the later row counts; samples.jsonl: replies asked for at evaluations
    logs/attempt-N.log   attempts/N/error.json
    ckpt/checkpoint-STEP/COMPLETE.json   ckpt/best.json
    artifacts/manifest.json

Rows are appended as whole lines. Torch-free: supervisors and screens read the same folder.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.paths import private_dir

SPEC_SCHEMA = 1
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


class RunBusy(KullmError):
    pass


class _In:
    """A place in the folder, by the names on the way to it."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get__(self, folder: "RunFolder", _owner: type["RunFolder"]) -> Path:
        return folder.path.joinpath(*self._names)


@dataclass(frozen=True)
class RunFolder:
    path: Path

    spec = _In("spec.json")
    lock = _In("lock")
    trainer_lock = _In("trainer.lock")
    tokens_lock = _In("tokens.lock")
    state = _In("state.json")
    cancel = _In("cancel")
    events = _In("events.jsonl")
    metrics = _In("metrics.jsonl")
    samples = _In("samples.jsonl")
    rejected = _In("rejected.jsonl")
    checkpoints = _In("ckpt")
    best = _In("ckpt", "best.json")
    artifacts = _In("artifacts")
    manifest = _In("artifacts", "manifest.json")

    def log(self, attempt: int) -> Path:
        return self.path / "logs" / f"attempt-{attempt}.log"

    def error(self, attempt: int) -> Path:
        return self.path / "attempts" / str(attempt) / "error.json"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"checkpoint-{step}"

    def checkpoint_steps(self) -> list[int]:
        """Steps with a checkpoint folder, complete or not, the newest first."""
        names = [entry.name for entry in self.checkpoints.iterdir()] if self.checkpoints.is_dir() else []
        return sorted((int(match[1]) for match in map(_CHECKPOINT.fullmatch, names) if match), reverse=True)

    def last_attempt(self) -> int:
        """0 before the first."""
        attempts = private_dir(self.path / "attempts")
        return max((int(entry.name) for entry in attempts.iterdir() if entry.name.isdigit()), default=0)

    def begin_attempt(self) -> int:
        number = self.last_attempt() + 1
        private_dir(self.path / "attempts" / str(number))
        return number


def create_run(path: Path, spec: Mapping[str, Any]) -> RunFolder:
    """A new run; `spec` is published last, so that a folder with one is a run."""
    folder = RunFolder(private_dir(path))
    if folder.spec.exists():
        raise ConfigError(
            say(
                f"{path}에는 이미 학습이 있어요. 이어서 하려면 `kullm train --resume`을, 새로 하려면 다른 폴더를 쓰세요.",
                f"{path} is a run already. Resume it with `kullm train --resume`, or use another folder for a new one.",
            )
        )
    publish(folder.spec, _document({"schema": SPEC_SCHEMA, **spec}), mode=0o600)
    return folder


def read_spec(folder: RunFolder) -> dict[str, Any]:
    try:
        spec = json.loads(folder.spec.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(folder) from error
    if not isinstance(spec, dict) or spec.get("schema") != SPEC_SCHEMA:
        raise _unreadable(folder)
    return spec


def append(path: Path, row: Mapping[str, Any]) -> None:
    """One whole line; behind the half line of a killed writer it begins a new one."""
    line = json.dumps(row, ensure_ascii=False, allow_nan=True).encode() + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        cut_short = size and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, b"\n" + line if cut_short else line)
    finally:
        os.close(handle)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole row; what is no JSON object is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def note(folder: RunFolder, event: str, **facts: Any) -> None:
    append(folder.events, {"event": event, "time": round(time.time(), 3), **facts})


def publish_json(path: Path, value: Mapping[str, Any]) -> None:
    publish(path, _document(value), mode=0o600)


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """This process alone trains in the folder; the lock goes with the process, however it ends."""
    with folder.trainer_lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunBusy(
                say(
                    f"{folder.path.name} 학습은 이미 실행 중이에요. 끝나기를 기다리거나 먼저 멈추세요.",
                    f"{folder.path.name} is being trained already. Wait for it, or stop it first.",
                )
            ) from error
        yield


@contextmanager
def taking_turns(path: Path) -> Iterator[None]:
    """One process at a time: what the first one made, the others find."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _document(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _unreadable(folder: RunFolder) -> ConfigError:
    return ConfigError(
        say(
            f"{folder.spec} 파일이 없거나 읽을 수 없어요. `kullm train`이 만든 폴더를 고르세요.",
            f"{folder.spec} is missing or cannot be read. Choose a folder that `kullm train` made.",
        )
    )
