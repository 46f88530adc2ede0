"""How each machine is reached, by its name: this computer by a process, one elsewhere as the configuration says.

What only a machine elsewhere needs is imported when one is named.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainer.jobs.agent.files import document
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


def lost_with_its_machine(job: KnownJob) -> bool:
    """Whether the machine that it ran on was rented and is gone, by its landlord's word; then it is LOST from now on."""
    if not job.place.get("lease"):
        return False
    from trainer.jobs.rented import tenants

    return tenants.is_lost(job)


def require_its_machine(job: KnownJob) -> None:
    """KullmError where what it made has gone with the rented machine that it ran on, by its landlord's word."""
    if job.place.get("lease"):
        from trainer.jobs.rented import tenants

        tenants.require_there(job)


def secrets_of(job: KnownJob) -> dict[str, str]:
    """What a start there is given again, since it is kept nowhere."""
    from trainer.jobs import dispatch
    from trainer.jobs.machines import machine_settings

    settings = machine_settings(job.machine)
    return dispatch.secrets_of(job, settings) if settings else {}


def finish_dispatch(job: KnownJob, client: Client, note: Said, progress: Said) -> int:
    """The start that was made by bringing the job to its machine now: its way there had been cut off, or the machine before was a rented one
    that is gone. 0 for any other."""
    from trainer.jobs import dispatch
    from trainer.jobs.machines import require_machine

    if not job.machine:
        return 0
    if not dispatch.is_waiting(job):
        lost_with_its_machine(job)
        if not dispatch.went_with_its_machine(job):
            return 0
        client.hello()  # where there is no machine yet, it stays lost
        dispatch.send_again(job)
    dispatch.carry_out(job.directory, require_machine(job.machine), client, Telling(note, progress))
    return int(document(job.directory.launch).get("start") or 1)
