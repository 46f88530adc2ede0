"""A job's directory as the trainer and the commands use it: made, its spec read, one trainer at a time, notes of what happened."""

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import say
from trainer.jobs.agent import files
from trainer.jobs.agent.directory import SCHEMA, JobDirectory


class JobBusy(KullmError):
    pass


def create(path: Path, spec: Mapping[str, Any]) -> JobDirectory:
    """A new job; `spec` is published last, so that a directory with one is a job."""
    job = JobDirectory(paths.private_dir(path))
    if job.spec.exists():
        raise ConfigError(
            say(
                f"{path}에는 이미 학습이 있어요. 이어서 하려면 `kullm train --resume`을, 새로 하려면 다른 폴더를 쓰세요.",
                f"{path} is a run already. Resume it with `kullm train --resume`, or use another folder for a new one.",
            )
        )
    files.publish(job.spec, {"schema": SCHEMA, **spec})
    return job


def read_spec(job: JobDirectory) -> dict[str, Any]:
    spec = files.document(job.spec)
    schema = spec.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise ConfigError(
            say(
                f"{job.path.name} 학습은 더 새로운 kullm이 만들었어요. kullm을 업데이트하세요.",
                f"{job.path.name} was made by a newer kullm. Update this one.",
            )
        )
    if schema != SCHEMA:
        raise ConfigError(
            say(
                f"{job.spec} 파일이 없거나 읽을 수 없어요. `kullm train`이 만든 폴더를 고르세요.",
                f"{job.spec} is missing or cannot be read. Choose a folder that `kullm train` made.",
            )
        )
    return spec


def note(job: JobDirectory, event: str, **facts: Any) -> None:
    files.append(job.events, {"event": event, "time": round(time.time(), 3), **facts})


@contextmanager
def held(job: JobDirectory) -> Iterator[None]:
    """This process alone trains in the directory; the lock goes with the process, however it ends."""
    with job.trainer_lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JobBusy(
                say(
                    f"{job.path.name} 학습은 이미 실행 중이에요. 끝나기를 기다리거나 먼저 멈추세요.",
                    f"{job.path.name} is being trained already. Wait for it, or stop it first.",
                )
            ) from error
        yield
