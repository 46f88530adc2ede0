"""The jobs that this computer knows: a directory each, whether the job runs here or its directory is a copy of one elsewhere.

`jobs/ULID/job.json` stands beside the copy:

    machine       its name; path: the job's directory there
    gen           of each followed file, which file it was
    heard         when the machine last answered; unreachable: it has not for a while, though it was asked
    artifacts     READY, FETCHING, VERIFIED (and of which start: fetched)
    complete      the start after whose end all had come
    last          the newest row of the metrics, where it was asked for and not followed; checkpoints: the steps that are saved there
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, entries, last_row, publish, turn
from trainer.jobs.link import Artifacts, Link

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BYTES_OF_CHANCE = 10


@dataclass(frozen=True)
class KnownJob:
    """What its directory says of a job, with nothing asked of anybody."""

    directory: JobDirectory
    place: Mapping[str, Any]  # job.json; empty for a job of this computer

    @property
    def id(self) -> str:
        return self.directory.id

    @property
    def machine(self) -> str:
        return str(self.place.get("machine") or "")

    @property
    def spec(self) -> dict[str, Any]:
        return document(self.directory.spec)

    @property
    def name(self) -> str:
        return str(self.spec.get("name") or "")

    @property
    def state(self) -> dict[str, Any]:
        return document(self.directory.state)

    @property
    def last(self) -> dict[str, Any]:
        """The newest row of its metrics, followed or asked for."""
        followed, asked = last_row(self.directory.metrics), self.place.get("last")
        if isinstance(asked, dict) and (not followed or _moment(asked) > _moment(followed)):
            return asked
        return followed

    @property
    def checkpoints(self) -> list[int]:
        """The steps that it can go on from, the newest first."""
        told = self.place.get("checkpoints")
        if self.machine:
            return [step for step in told if isinstance(step, int)] if isinstance(told, list) else []
        return self.directory.complete_steps()

    @property
    def link(self) -> Link:
        return Link.of(self.place)

    @property
    def artifacts(self) -> Artifacts:
        if not self.machine:
            return "VERIFIED" if self.directory.manifest.is_file() else "NONE"
        known: dict[Any, Artifacts] = {"READY": "READY", "FETCHING": "FETCHING", "VERIFIED": "VERIFIED"}
        if self.place.get("artifacts") == "VERIFIED" and self.place.get("fetched") != self.state.get("start"):
            return "READY"  # it went on after that
        done = self.state.get("state") == states.SUCCEEDED
        return known.get(self.place.get("artifacts"), "READY" if done else "NONE")

    @property
    def is_complete(self) -> bool:
        """Nothing of it is elsewhere that is not here, artifacts aside."""
        ended = states.is_terminal(self.state) and self.place.get("complete") == self.state.get("start")
        return not self.machine or ended

    def again(self) -> "KnownJob":
        """As it is by now."""
        return known_in(self.directory)


def _moment(row: Mapping[str, Any]) -> float:
    time_of_it = row.get("time")
    return float(time_of_it) if isinstance(time_of_it, int | float) else 0.0


def new_id() -> str:
    """A ULID, which sorts by time: 48 bits of milliseconds and 80 bits of chance, in Crockford's base 32."""
    number = (time.time_ns() // 1_000_000 << 8 * _BYTES_OF_CHANCE) | secrets.randbits(8 * _BYTES_OF_CHANCE)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def directory_of(job: str) -> JobDirectory:
    return JobDirectory(paths.private_dir(paths.state_dir() / "jobs") / job)


def known_jobs() -> list[KnownJob]:
    """The oldest first."""
    folder = paths.private_dir(paths.state_dir() / "jobs")
    return [known_in(JobDirectory(entry)) for entry in entries(folder) if (entry / "spec.json").is_file()]


def known_in(directory: JobDirectory) -> KnownJob:
    return KnownJob(directory, document(_place(directory)))


def known_job(name: str) -> KnownJob:
    """By its id, the beginning of it, its name, or `last`. UsageError for none or several."""
    jobs = known_jobs()
    if name == "last":
        found = jobs[-1:]
    else:
        found = [job for job in jobs if job.name == name] or [
            job for job in jobs if name and job.id.startswith(name.upper())
        ]
    if len(found) == 1:
        return found[0]
    raise _several(name, found) if found else _none(name)


def _none(name: str) -> UsageError:
    return UsageError(
        say(
            f"'{name}' 학습을 찾을 수 없어요. 학습의 번호나 그 앞부분, 이름, 또는 last를 쓰세요. `kullm jobs list`로 목록을 볼 수 있어요.",
            f"There is no job '{name}'. Give its id, the beginning of it, its name, or last. `kullm jobs list` shows them.",
        )
    )


def _several(name: str, found: Sequence[KnownJob]) -> UsageError:
    ids = ", ".join(job.id for job in found)
    return UsageError(
        say(
            f"'{name}' 학습이 {len(found)}개 있어요. 번호로 골라 주세요: {ids}",
            f"There are {len(found)} jobs '{name}'. Choose one by its id: {ids}",
        )
    )


def put_down(directory: JobDirectory, **facts: Any) -> None:
    """Something more about where a job is. Several processes follow, fetch and list at once: each changes its own facts alone."""
    with turn(directory.path / "job.lock"):
        publish(_place(directory), {**document(_place(directory)), **facts})


def _place(directory: JobDirectory) -> Path:
    return directory.path / "job.json"
