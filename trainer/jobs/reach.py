"""How each machine is reached, by its name: this computer by a process, one elsewhere as the configuration says.

What only a machine elsewhere needs is imported when one is named.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainer.jobs.client import Client
from trainer.jobs.registry import KnownJob
from trainer.jobs.telling import Said, Telling
from trainer.jobs.transports.local import LocalTransport

if TYPE_CHECKING:
    from trainer.jobs.transports.askpass import Asking

Reach = Callable[[str], Client]

HERE = Client("", LocalTransport())


def client_of(machine: str, asking: "Asking | None" = None) -> Client:
    """UsageError for a machine that is not among the configured ones. `asking`: who answers what ssh wants to know."""
    if not machine:
        return HERE
    from trainer.jobs import machines

    return machines.client_of(machines.require_machine(machine), asking)


def secrets_of(job: KnownJob) -> dict[str, str]:
    """What a start there is given again, since it is kept nowhere."""
    from trainer.jobs import dispatch
    from trainer.jobs.machines import machine_settings

    settings = machine_settings(job.machine)
    return dispatch.secrets_of(job, settings) if settings else {}


def finish_dispatch(job: KnownJob, client: Client, note: Said, progress: Said) -> bool:
    """Whether the job's way to its machine had been cut off, and it has been brought there and started now."""
    from trainer.jobs import dispatch
    from trainer.jobs.machines import require_machine

    if not job.machine or not dispatch.is_waiting(job):
        return False
    dispatch.carry_out(job.directory, require_machine(job.machine), client, Telling(note, progress))
    return True
