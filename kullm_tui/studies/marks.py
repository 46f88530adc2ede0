"""What is done of a study, on disk: a mark for each stage that came to its end, published whole, and one run of a study at a time.

studies/NAME/study.lock   whoever is at work, and each of its children, holds it
             marks/KEY.json   what a stage made, how long it took, and the command
             logs/KEY.log     what a stage said last
             data-KEY/   questions.jsonl   report/
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from data.shelf import facts_in
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.errors import KullmError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import list_adapters
from kullm_tui.core.models.profiles import all_profiles
from kullm_tui.studies.stages import Stage

_WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Mark:
    """A stage that is done."""

    seconds: float
    finished: float
    result: dict[str, Any]


@dataclass(frozen=True)
class AtWork:
    """Somebody else holds the study: another run, or a command that a killed run left."""

    process: int  # of that run; 0 where it is gone

    @property
    def told(self) -> str:
        if not self.process:
            return say(
                "멈춘 실행이 남긴 명령이 아직 돌고 있어요.", "A command that a killed run left is still at work."
            )
        return say(
            f"이 연구는 다른 곳에서 이미 돌고 있어요(프로세스 {self.process}).",
            f"this study is at work already (process {self.process}).",
        )


class StudyBusy(KullmError):
    pass


def log_of(study: str, stage: Stage) -> Path:
    return paths.private_dir(paths.study_dir(study) / "logs") / f"{stage.key}.log"


def mark_of(study: str, stage: Stage) -> Mark | None:
    """None where it is not done, or what it made is gone."""
    told = foreign_json.fields(_place(study, stage))
    try:
        mark = Mark(float(told["seconds"]), float(told["finished"]), dict(told["result"]))
    except (KeyError, TypeError, ValueError):
        return None
    return mark if is_made(stage) else None


def put_mark(study: str, stage: Stage, *, seconds: float, result: dict[str, Any]) -> Mark:
    mark = Mark(seconds, time.time(), result)
    told = {"id": stage.id, "command": ["kullm", *stage.command], "seconds": seconds, "finished": mark.finished, "result": result}  # fmt: skip
    publish(_place(study, stage), json.dumps(told, ensure_ascii=False, indent=1), mode=0o600)
    return mark


def is_made(stage: Stage) -> bool:
    """What its command leaves is there; a stage that leaves nothing but its words is made by its mark."""
    if stage.kind == "training":
        return stage.makes in all_profiles() or any(one.name == stage.makes for one in list_adapters())
    if stage.kind == "mixtures":
        facts = facts_in(Path(stage.makes))
        return facts is not None and all(one.lines.is_file() for one in facts.outputs)
    return stage.kind != "report" or (Path(stage.makes) / "report.html").is_file()


def _place(study: str, stage: Stage) -> Path:
    return paths.private_dir(paths.study_dir(study) / "marks") / f"{stage.key}.json"


@contextmanager
def alone(study: str, waiting: Callable[[str], None]) -> Iterator[int]:
    """The lock's descriptor, for the children: what a killed run left at work is waited for. StudyBusy where another run lives."""
    with (paths.study_dir(study) / "study.lock").open("a+") as file:
        while not _taken(file.fileno()):
            holder = _holder(file)
            if holder.process:
                advice = say("그것이 끝나거나 멈춘 뒤에 다시 하세요.", "Wait for its end, or stop it first.")
                raise StudyBusy(f"{holder.told} {advice}")
            waiting(
                say("멈춘 실행이 남긴 명령이 끝나기를 기다려요 …", "waiting for a command that a killed run left …")
            )
            time.sleep(_WAIT_SECONDS)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield file.fileno()
        finally:
            file.truncate(0)  # whoever is told that it is taken must not read the name of who has left


def at_work(study: str) -> AtWork | None:
    """Whoever else is at it now; nothing is waited for or taken."""
    place = paths.study_dir(study) / "study.lock"
    if not place.is_file():
        return None
    with place.open("a+") as file:
        if not _taken(file.fileno(), fcntl.LOCK_SH):
            return _holder(file)
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)  # a process that is begun this moment has the descriptor too
    return None


def _holder(file: IO[str]) -> AtWork:
    file.seek(0)
    written = file.read().strip()
    return AtWork(int(written) if written.isdecimal() and _lives(int(written)) else 0)


def _taken(lock: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
