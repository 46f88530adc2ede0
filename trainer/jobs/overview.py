"""All machines' jobs as they are now: those here by their own files, those elsewhere by asking each machine once, all at the same time."""

import contextlib
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kullm_tui.core.errors import KullmError
from trainer.jobs.agent import states
from trainer.jobs.agent.diagnosis import diagnosed
from trainer.jobs.agent.files import publish
from trainer.jobs.history import Progress, progress
from trainer.jobs.reach import Reach, lost_with_its_machine
from trainer.jobs.registry import KnownJob, known_in, known_jobs, put_down

_SECONDS = 20.0  # a machine that has not answered by then is shown as it was


@dataclass(frozen=True)
class Standing:
    """A job, its state with whatever proof there is, and how far it is."""

    job: KnownJob
    state: Mapping[str, Any]
    progress: Progress

    @property
    def state_name(self) -> str:
        """Nobody has begun it yet: it was made, and perhaps not all of it has gone."""
        return str(self.state.get("state") or (states.DRAFT if self.job.machine else states.STAGED))

    def row(self) -> dict[str, Any]:
        """As scripts read it."""
        link, loss = self.job.link, self.progress.loss
        return {
            "id": self.job.id,
            "name": self.job.name,
            "machine": self.job.machine,
            "state": self.state_name,
            "reason": self.state.get("reason") or None,
            "link": link.state,
            "heard_s": round(link.age, 1),
            "step": self.progress.step,
            "steps": self.progress.steps,
            "eta_s": self.progress.eta_s,
            "loss": None if loss is None or not math.isfinite(loss) else loss,  # JSON has no NaN
            "artifacts": self.job.artifacts,
            "queue": self.state.get("queue") or None,
        }


def standings(reach: Reach, *, ask: bool = True, seconds: float = _SECONDS) -> list[Standing]:
    """The oldest first. `ask`: machines with jobs that have not ended, as far as was known."""
    jobs = known_jobs()
    if ask and (asked := {job.machine for job in jobs if job.machine and not states.is_terminal(job.state)}):
        _ask_all(sorted(asked), {job.id: job for job in jobs}, reach, seconds)
        jobs = known_jobs()
    return [standing(job) for job in jobs]


def standing(job: KnownJob) -> Standing:
    state = job.state if job.machine else diagnosed(job.directory, waits=False)
    return Standing(job, state, progress(job, state))


def _ask_all(machines: Sequence[str], jobs: Mapping[str, KnownJob], reach: Reach, seconds: float) -> None:
    """In threads that nobody waits for beyond that time: a way there may hang."""
    threads = [threading.Thread(target=_ask, args=(machine, jobs, reach), daemon=True) for machine in machines]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _ask(machine: str, jobs: Mapping[str, KnownJob], reach: Reach) -> None:
    its = {job.id: job for job in jobs.values() if job.machine == machine}
    with contextlib.suppress(OSError):  # of a job that is being removed meanwhile
        try:
            told = {str(facts.get("id")): facts for facts in reach(machine).list()["jobs"]}
        except KullmError:
            for job in its.values():
                if not lost_with_its_machine(job):
                    put_down(job.directory, unreachable=True)
            return
        for name in its:
            if name in told:
                take(its[name], told[name])
            else:  # of another machine that was rented under that name before
                lost_with_its_machine(its[name])


def take(job: KnownJob, facts: Mapping[str, Any]) -> KnownJob:
    """What its machine says of a job."""
    state = facts.get("state")
    if job.machine and isinstance(state, dict):
        publish(job.directory.state, state)
        more = {name: facts[name] for name in ("path", "last", "checkpoints") if facts.get(name)}
        ready = {"artifacts": "READY"} if facts.get("artifacts") and "artifacts" not in job.place else {}
        put_down(job.directory, heard=round(time.time(), 3), unreachable=False, **more, **ready)
    return known_in(job.directory)
