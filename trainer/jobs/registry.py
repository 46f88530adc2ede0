"""The jobs that this computer knows: a directory each, whether the job runs here or its directory is a copy of one elsewhere.

`jobs/ULID/job.json` stands beside the copy and says where the job is, how far its artifacts have come, and when it was last heard of.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, last_row, publish

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
        """The newest row of its metrics."""
        return last_row(self.directory.metrics)


def new_id() -> str:
    """A ULID, which sorts by time: 48 bits of milliseconds and 80 bits of chance, in Crockford's base 32."""
    number = (time.time_ns() // 1_000_000 << 8 * _BYTES_OF_CHANCE) | secrets.randbits(8 * _BYTES_OF_CHANCE)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def directory_of(job: str) -> JobDirectory:
    return JobDirectory(paths.private_dir(paths.state_dir() / "jobs") / job)


def known_jobs() -> list[KnownJob]:
    """The oldest first."""
    folder = paths.private_dir(paths.state_dir() / "jobs")
    directories = [JobDirectory(entry) for entry in sorted(folder.iterdir()) if (entry / "spec.json").is_file()]
    return [KnownJob(directory, document(_place(directory))) for directory in directories]


def known_job(name: str) -> KnownJob:
    """By its id, the beginning of it, its name, or `last`. UsageError for none or several."""
    jobs = known_jobs()
    if name == "last":
        found = jobs[-1:]
    else:
        found = [job for job in jobs if job.name == name] or [
            job for job in jobs if name and job.id.startswith(name.upper())
        ]
    if len(found) != 1:
        raise UsageError(
            say(
                f"'{name}' 학습을 하나로 찾을 수 없어요. 학습의 번호나 그 앞부분, 이름, 또는 last를 쓰세요.",
                f"there is no single job '{name}'. Give its id, the beginning of it, its name, or last.",
            )
        )
    return found[0]


def put_down(directory: JobDirectory, **facts: Any) -> None:
    """Something more about where a job is."""
    publish(_place(directory), {**document(_place(directory)), **facts})


def _place(directory: JobDirectory) -> Any:
    return directory.path / "job.json"
