"""How far a job's metrics have come at each tracker, as its record and its lock tell; no tracker is asked."""

import math
import shlex
import time
from dataclasses import dataclass
from typing import Any

from kullm_tui.core.language import say
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import is_locked
from trainer.jobs.history import as_number
from trainer.jobs.text import time_text
from trainer.jobs.trackers.wish import DONE, FAILED, OPENING, WAITING, WORKING, known_of, wished

_SILENT_SECONDS = {OPENING: 600.0, WORKING: 120.0}  # to import a large library beside a training, to wait for a server


@dataclass(frozen=True)
class Standing:
    name: str
    to: str
    state: str
    rows: int
    message: str = ""
    online: bool = False
    beat: float = 0.0  # when it last said something
    gone: bool = False  # it ended without a word

    @property
    def silent(self) -> float:
        """Seconds."""
        return max(0.0, time.time() - self.beat)

    @property
    def hangs(self) -> bool:
        return not self.gone and self.silent > _SILENT_SECONDS.get(self.state, math.inf)

    @property
    def failed(self) -> bool:
        return self.state == FAILED or self.gone

    def row(self) -> dict[str, Any]:
        """For programs."""
        state = "GONE" if self.gone else "SILENT" if self.hangs else self.state
        return {"to": self.to, "state": state, "rows": self.rows, "message": self.message or None}

    @property
    def text(self) -> str:
        rows = say(f"{self.rows:,}줄", f"{self.rows:,} rows")
        if self.state == FAILED:
            return say(f"실패({self.message})", f"failed ({self.message})")
        if self.gone:
            return say(f"{rows}까지 남기다가 갑자기 끝났어요", f"ended suddenly after {rows}")
        if self.hangs:
            age = time_text(self.silent)
            return say(f"{rows}까지 남기고 {age} 동안 응답 없음", f"{rows}, silent for {age}")
        return {
            WAITING: say("대기", "waiting"),
            OPENING: say("여는 중", "opening"),
            DONE: say(f"완료({rows})", f"done ({rows})"),
        }.get(self.state, rows)


def standings_of(job: JobDirectory) -> list[Standing]:
    return [standing_of(job, name) for name in wished(job)]


def standing_of(job: JobDirectory, name: str) -> Standing:
    known = known_of(job, name)
    return Standing(
        name,
        str(known.get("to") or ""),
        str(known.get("state") or WAITING),
        int(known.get("rows") or 0),
        str(known.get("message") or ""),
        bool(known.get("online")),
        as_number(known.get("beat")) or 0.0,
        known.get("state") in _SILENT_SECONDS and not is_locked(job.tracker_lock(name)),
    )


def where_text(one: Standing, job: JobDirectory) -> str:
    """The command that shows it, or sends it on."""
    if one.name == "tensorboard":
        return f"tensorboard --logdir {shlex.quote(one.to)}"
    if one.name == "trackio":
        return f"trackio show --project {shlex.quote(one.to)}"
    if one.online:
        return f"https://wandb.ai/{one.to}"
    return f"wandb sync {shlex.quote(str(job.trackers / 'wandb' / 'wandb'))}/offline-run-*"
