"""The jobs on a rented machine: lost with it, when its landlord says that it is gone; and what is still to come before it may be given back."""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.agent import states
from trainer.jobs.agent.files import publish
from trainer.jobs.registry import KnownJob, known_jobs, put_down
from trainer.jobs.rented.lease import Lease, lease_from
from trainer.jobs.rented.renting import standing_of

_NEARLY = 300.0  # seconds: whose time was over but for that ended by its time


def tenancy(lease: Lease | None) -> dict[str, Any]:
    """For a job's `job.json`: how its landlord is asked about the machine that it ran on."""
    return {"lease": lease.facts()} if lease else {}


def lease_of_job(job: KnownJob) -> Lease | None:
    facts = job.place.get("lease")
    return lease_from(facts) if isinstance(facts, dict) else None


def is_lost(job: KnownJob) -> bool:
    """Whether it has gone with its machine, which its landlord alone can say: then it is put down as LOST. Asked only of what had not ended."""
    lease = lease_of_job(job)
    if lease is None or states.is_terminal(job.state):
        return False
    try:
        standing = standing_of(lease)
    except KullmError:
        return False
    if standing.stage != "gone":
        return False
    _lose(job, given_back="time" if time.time() > lease.latest - _NEARLY else "", message=standing.why)
    return True


def require_there(job: KnownJob) -> None:
    """A landlord that does not answer proves nothing."""
    lease, standing = lease_of_job(job), None
    with contextlib.suppress(KullmError):
        standing = standing_of(lease) if lease else None
    if standing and standing.stage == "gone":
        raise KullmError(
            say(
                f"{job.name or job.id} 학습의 결과는 빌린 장비와 함께 없어졌어요. 다시 하려면: kullm jobs clone {job.id}",
                f"what {job.name or job.id} made has gone with its rented machine. To do it again: kullm jobs clone {job.id}",
            )
        )


def lose_all(lease: Lease) -> None:
    """The machine was given back by somebody's wish."""
    for job in unfinished(lease):
        _lose(job, given_back="asked", message="")


def unfinished(lease: Lease) -> list[KnownJob]:
    """Those that had not ended, as far as is known here."""
    return [job for job in of_lease(lease) if not states.is_terminal(job.state)]


def unfetched(lease: Lease) -> list[KnownJob]:
    """Those whose adapter is on that machine alone."""
    return [
        job for job in of_lease(lease) if job.state.get("state") == states.SUCCEEDED and job.artifacts != "VERIFIED"
    ]


def of_lease(lease: Lease) -> list[KnownJob]:
    """By our label: a lease changes while the landlord answers."""
    return [job for job in known_jobs() if (own := lease_of_job(job)) and own.label == lease.label]


def _lose(job: KnownJob, **why: Any) -> None:
    state: Mapping[str, Any] = {**job.state, "state": states.LOST, "reason": "rented", **why}
    publish(job.directory.state, {**state, "since": round(time.time(), 3)})
    put_down(job.directory, complete=state.get("start"), checkpoints=job.directory.complete_steps())
