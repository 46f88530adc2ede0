"""`kullm machines up|down`, and what a training does of it: a machine rented once somebody agreed to its price, and given back."""

import argparse

from kullm_tui.commands.cli.confirm import can_ask, confirmed
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.ssh_questions import terminal_asking
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import ConsentNeeded, KullmError, UsageError
from kullm_tui.core.language import say
from trainer.jobs.actions import shown
from trainer.jobs.machines import client_of, require_machine
from trainer.jobs.registry import KnownJob
from trainer.jobs.rented import renting
from trainer.jobs.rented.lease import Lease, lease_of
from trainer.jobs.rented.tenants import lease_of_job, lose_all, unfetched, unfinished
from trainer.jobs.rented.text import how_to_give_back, lease_text, limit_text, offer_text, until_text


def up(args: argparse.Namespace) -> int:
    machine = _require_rented(args.name)
    narration = Narration()
    lease = refreshed(machine.name)
    hours = args.hours or machine.hours or (lease.hours if lease else None)
    if hours is None:
        raise UsageError(
            say(
                f"--hours로 늦어도 몇 시간 뒤에 돌려줄지 정하세요: kullm machines up {machine.name} --hours 4",
                f"Say after how many hours it is given back at the latest: kullm machines up {machine.name} --hours 4",
            )
        )
    found = renting.offer(machine)
    settings = renting.offered(machine, found)
    if lease is None:
        narration.note(f"{offer_text(found, settings.price_per_hour)}: {limit_text(hours, settings.price_per_hour)}")
        agree_to_the_price(agreed=args.yes)
    try:
        lease = rented(settings, hours, narration)
    except (KeyboardInterrupt, KullmError):
        tell_of_cost(machine.name, narration)
        raise
    narration.note(f"{machine.name}: {lease_text(lease)}")
    return 0


def refreshed(machine: str) -> Lease | None:
    """What is rented under that name, as the landlord has it where that answers."""
    lease = lease_of(machine)
    if lease:
        renting.standing_of(lease)
    return lease_of(machine)


def agree_to_the_price(*, agreed: bool) -> None:
    if agreed:
        return
    if not can_ask():
        raise ConsentNeeded(
            say(
                "돈이 드는 장비예요. 괜찮으면 --yes를 붙이세요.",
                "This machine costs money. If that is fine, add --yes.",
            )
        )
    if not confirmed(say("시작할까요?", "Start?")):
        raise ConsentNeeded(say("시작하지 않았어요.", "It was not started."))


def rented(settings: MachineSettings, hours: float, narration: Narration) -> Lease:
    """Until it answers by ssh. However this ends, the machine may cost from then on."""
    try:
        lease = renting.up(settings, hours, narration.progress)
        return renting.ready(lease, lambda: client_of(settings, terminal_asking()), narration.progress)
    finally:
        narration.clear()


def down(args: argparse.Namespace) -> int:
    machine = _require_rented(args.name)
    narration = Narration()
    lease = lease_of(machine.name)
    if lease and not args.yes:
        _agree_to_lose(lease, machine)
    given_back(machine.name, narration)
    return 0


def _agree_to_lose(lease: Lease, machine: MachineSettings) -> None:
    """What runs there, or has ended and was not fetched, is named; each is asked how it stands first."""
    client = client_of(machine)
    for job in unfinished(lease):
        try:
            shown(job, client)
        except KullmError:
            break  # it does not answer
    lost = [*unfinished(lease), *unfetched(lease)]
    if not lost:
        return
    names = ", ".join(f"{job.name} ({job.id})" for job in lost)
    text = say(
        f"이 학습의 결과는 {machine.name}에만 있어서 돌려주면 없어져요: {names}.",
        f"What these have made is on {machine.name} alone, and goes with it: {names}.",
    )
    if not can_ask():
        advice = say(
            " 먼저 `kullm jobs fetch`로 받거나 --yes를 붙이세요.",
            " Fetch it with `kullm jobs fetch` first, or add --yes.",
        )
        raise UsageError(text + advice)
    if not confirmed(text + say(" 그래도 돌려줄까요?", " Give it back all the same?")):
        raise ConsentNeeded(say("그대로 두었어요.", "It was kept."))


def given_back(machine: str, narration: Narration) -> None:
    lease = renting.down(machine)
    lose_all(lease)
    narration.note(
        say(f"{machine}: 돌려줬어요. 더는 돈이 들지 않아요.", f"{machine} was given back and costs nothing any more.")
    )


def given_back_if_done(job: KnownJob, narration: Narration) -> None:
    """Behind the last job of a rented machine, once all that it made is here. That it is not given back is said, and no fault of the job."""
    lease = own_lease(job)
    if lease is None:
        return
    if unfinished(lease) or unfetched(lease):
        tell_of_cost(job.machine, narration)
    else:
        given_back_or_told(job.machine, narration)


def given_back_or_told(machine: str, narration: Narration) -> None:
    """Beside something else that is told: that it could not be given back is no reason to fail."""
    if lease_of(machine) is None:
        return
    try:
        given_back(machine, narration)
    except KullmError as error:
        narration.note(str(error))
        tell_of_cost(machine, narration)


def own_lease(job: KnownJob) -> Lease | None:
    """Of the machine that it runs or ran on, while that is rented."""
    lease, now = lease_of_job(job), lease_of(job.machine) if job.machine else None
    return now if lease and now and lease.label == now.label else None


def tell_of_cost(machine: str, narration: Narration) -> None:
    lease = lease_of(machine)
    if lease:
        narration.note(f"{machine}: {lease_text(lease)}. {how_to_give_back(machine)}")


def tell_of_the_end(job: KnownJob, narration: Narration) -> None:
    """Of a job that is left alone there."""
    lease = own_lease(job)
    if lease:
        when = until_text(lease)
        narration.note(
            say(
                f"{job.machine}은 늦어도 {when}에 반납돼요. 그 전에 받지 않은 결과와 체크포인트는 없어져요: kullm jobs follow {job.id}",
                f"{job.machine} is given back at {when} at the latest; what is not fetched by then, checkpoints too, is lost: kullm jobs follow {job.id}",
            )
        )


def _require_rented(name: str) -> MachineSettings:
    machine = require_machine(name)
    if not machine.is_rented:
        raise UsageError(
            say(
                f"{name}: 빌리는 장비가 아니에요(launcher: {machine.launcher}).",
                f"{name} is not a machine that is rented (launcher: {machine.launcher}).",
            )
        )
    return machine
