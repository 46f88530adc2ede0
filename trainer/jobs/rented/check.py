"""What stands between a machine and a training, of rented ones too: what is offered first, and what is there once it is up."""

from collections.abc import Callable, Iterator

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.client import Client
from trainer.jobs.preflight import Finding, check
from trainer.jobs.rented import renting
from trainer.jobs.rented.lease import lease_of
from trainer.jobs.rented.text import offer_text


def checked(machine: MachineSettings, reached: Callable[[], Client]) -> Iterator[Finding]:
    """Of any machine, each as soon as it is known. Of a rented one that is not up there is no more to see than its offer."""
    if machine.is_rented:
        yield from offer_findings(machine)
        lease = lease_of(machine.name)
        if lease is None or renting.standing_of(lease).stage != "up":
            return
    yield from check(reached(), machine)


def offer_findings(machine: MachineSettings) -> Iterator[Finding]:
    """What would be rented, for how much, and who pays."""
    found = renting.offer(machine)
    settings = renting.offered(machine, found)
    yield Finding("ok", "offer", offer_text(found, settings.price_per_hour))
    if machine.launcher == "hf-jobs":
        yield _payer(machine)
    if settings.price_per_hour is None:
        yield Finding(
            "note",
            "price",
            say("값을 알 수 없어요", "its price is not known"),
            say(
                f"적어 두세요: kullm config set machines.{machine.name}.price_per_hour 달러",
                f"put it down: kullm config set machines.{machine.name}.price_per_hour DOLLARS",
            ),
        )
    if not settings.gpus:
        yield Finding(
            "note",
            "gpu",
            say("이 GPU의 성능은 몰라서 예상할 수 없어요", "its cards are not known here, so nothing is estimated"),
            say(
                f"비슷한 것을 적어 두세요: kullm config set machines.{machine.name}.gpus 1xH100-80GB",
                f"name similar ones: kullm config set machines.{machine.name}.gpus 1xH100-80GB",
            ),
        )


def _payer(machine: MachineSettings) -> Finding:
    from trainer.jobs.rented.hf_jobs import payer_of

    try:
        who = payer_of(machine)
    except KullmError as error:
        return Finding("bad", "token", str(error))
    return Finding("ok", "token", say(f"값을 내는 계정: {who}", f"{who} pays"))
