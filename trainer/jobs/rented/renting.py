"""A machine rented, seen and given back; which landlord lets it stands in its settings.

asked      its lease is put down here before its landlord is asked
starting   the landlord has a name for it, which the lease has too
up         it answers by ssh; it costs until it is given back, at the latest after the lease's hours
gone       given back, or its time was over: by the landlord's word, and the lease goes
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.hub.errors import hub_endpoint
from kullm_tui.core.language import say
from trainer.jobs.client import Client
from trainer.jobs.rented import Landlord, NotLet, Offer, Said, Standing
from trainer.jobs.rented.lease import Lease, alone, forget, keep, lease_of, new_lease
from trainer.jobs.transports.ssh_faults import AccessRefused, is_lost_connection

_MARGIN = 1.5  # of what the plan says
_BESIDES = 1.0  # hours for uploading, making the environment and fetching
_POLL_SECONDS = 2.0
_LONGEST_WAIT = 3600.0  # a card may be waited for; it costs nothing so long
_FAULTS_IN_A_ROW = 10
_ANSWER_SECONDS = 300.0


def landlord_of(launcher: str) -> Landlord:
    """Only what is used is imported."""
    if launcher == "hf-jobs":
        from trainer.jobs.rented.hf_jobs import HuggingFaceJobs

        return HuggingFaceJobs()
    from trainer.jobs.rented.skypilot import SkyPilot

    return SkyPilot()


def offer(settings: MachineSettings) -> Offer:
    return landlord_of(settings.launcher).price(settings)


def offered(settings: MachineSettings, found: Offer) -> MachineSettings:
    """With the cards and the price that the landlord names, where the settings name none."""
    price = found.price_per_hour if settings.price_per_hour is None else settings.price_per_hour
    return replace(settings, gpus=settings.gpus or found.gpus, price_per_hour=price)


def hours_for(settings: MachineSettings, seconds: float) -> float:
    """After how long it is given back whatever runs: what the user says, else by the plan, with a margin, to the quarter hour."""
    return settings.hours or math.ceil(4 * (_MARGIN * seconds / 3600 + _BESIDES)) / 4


def up(settings: MachineSettings, hours: float, progress: Said) -> Lease:
    """Begun, or found begun. NotLet: nothing is rented; any other KullmError: that is not known, and asking again tells."""
    landlord = landlord_of(settings.launcher)
    with alone(settings.name):
        lease = lease_of(settings.name)
        if lease and landlord.state(lease).stage == "gone":
            lease = None
        if lease and lease.id:
            return lease
        if lease:  # whose answer was lost: what is refused now may have been let then
            return keep(landlord.up(settings, lease, progress))
        price = settings.price_per_hour
        lease = keep(new_lease(settings.name, settings.launcher, hours=hours, price_per_hour=price))
        try:
            return keep(landlord.up(settings, lease, progress))
        except NotLet:
            forget(settings.name)
            raise


def ready(lease: Lease, reached: Callable[[], Client], progress: Said) -> Lease:
    """Once it is up and answers by ssh. KullmError where it went, or took longer than anybody waits; the lease stays then."""
    lease = _once_up(lease, progress)
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        try:
            reached().hello()
            return lease
        except AccessRefused as error:
            raise _no_entry(lease, error) from error
        except KullmError as error:
            if not is_lost_connection(error) or time.monotonic() > deadline:
                raise
        progress(say(f"{lease.machine}: ssh를 기다리는 중 …", f"{lease.machine}: waiting for its ssh …"))
        time.sleep(_POLL_SECONDS)


def _once_up(lease: Lease, progress: Said) -> Lease:
    deadline, faults = time.monotonic() + _LONGEST_WAIT, 0
    while time.monotonic() < deadline:
        try:
            standing, faults = standing_of(lease), 0
        except KullmError:  # also of a landlord that is asked too often
            faults += 1
            if faults >= _FAULTS_IN_A_ROW:
                raise
            standing = Standing("starting")
        if standing.stage == "gone":
            raise _gone(lease, standing)
        if standing.stage == "up":
            return lease_of(lease.machine) or lease
        words = f" ({standing.why})" if standing.why else ""
        progress(say(f"{lease.machine}: 켜지는 중 …{words}", f"{lease.machine}: starting …{words}"))
        time.sleep(_POLL_SECONDS)
    raise KullmError(
        say(
            f"{lease.machine}: 아직 켜지지 않았어요. `kullm machines up {lease.machine}`로 더 기다리거나 `kullm machines down {lease.machine}`으로 그만두세요.",
            f"{lease.machine} has not come up yet. Wait on with `kullm machines up {lease.machine}`, or give it up with `kullm machines down {lease.machine}`.",
        )
    )


def standing_of(lease: Lease) -> Standing:
    """As its landlord says; what that tells is put down, unless another is rented under that name by now. KullmError where there is no answer."""
    standing = landlord_of(lease.launcher).state(lease)
    now = lease_of(lease.machine)
    if now is None or now.label != lease.label:
        return standing
    if standing.stage == "gone":
        forget(lease.machine)
    elif standing.stage == "up" and standing.ssh:
        until = now.latest if standing.left is None else round(time.time() + standing.left, 3)
        keep(replace(now, ssh=standing.ssh, until=until))
    return standing


def down(machine: str) -> Lease:
    """Given back, by the landlord's own word. UsageError where nothing is rented."""
    lease = lease_of(machine)
    if lease is None:
        raise UsageError(say(f"{machine}: 빌린 것이 없어요.", f"{machine} is not rented now."))
    landlord_of(lease.launcher).down(lease)
    with alone(machine):
        forget(machine)
    return lease


def _no_entry(lease: Lease, error: KullmError) -> KullmError:
    if lease.launcher != "hf-jobs":
        return error
    place = f"{hub_endpoint()}/settings/keys"
    return AccessRefused(
        f"{error}\n"
        + say(f"ssh 공개 키를 여기에 등록해야 해요: {place}", f"Your ssh public key has to be registered at {place}")
    )


def _gone(lease: Lease, standing: Standing) -> KullmError:
    words = standing.why or "-"
    return KullmError(
        say(
            f"{lease.machine}: 켜지기 전에 끝났어요({words}). 더는 돈이 들지 않아요. 장비의 설정을 확인하고 다시 해 보세요.",
            f"{lease.machine} ended before it was up ({words}). It costs nothing any more. Check its settings and try again.",
        )
    )
