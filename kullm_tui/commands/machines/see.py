"""`kullm machines list|check`: which there are, what is rented now and costs, and what stands between one and a training."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.ssh_questions import terminal_asking
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from trainer.jobs.machines import client_of, known_machines
from trainer.jobs.preflight import Finding, finding_text
from trainer.jobs.rented import renting
from trainer.jobs.rented.check import checked
from trainer.jobs.rented.lease import Lease, lease_of
from trainer.jobs.rented.text import how_to_give_back, lease_text


def list_machines(*, as_json: bool) -> int:
    machines = known_machines()
    if as_json:
        for machine in machines:
            print(terminal_safe_json({**asdict(machine), "rented": _lease_facts(_leased(machine))}))
        return 0
    leases = {machine.name: _leased(machine) for machine in machines}
    for line in aligned([_row(machine, leases[machine.name]) for machine in machines]):
        print(terminal_safe(line))
    for name, lease in leases.items():
        if lease:
            Narration().note(f"{name}: {how_to_give_back(name)}")
    if not machines:
        Narration().note(
            say(
                "추가한 장비가 없어요. 예: kullm machines add lab --ssh 별칭",
                "no machines. Try: kullm machines add lab --ssh ALIAS",
            )
        )
    return 0


def _leased(machine: MachineSettings) -> Lease | None:
    """As its landlord says now; where that does not answer, as it was known, since it may still cost."""
    lease = lease_of(machine.name)
    if lease is None:
        return None
    try:
        renting.standing_of(lease)
    except KullmError as error:
        Narration().note(f"{machine.name}: {error}")
    return lease_of(machine.name)


def _lease_facts(lease: Lease | None) -> dict[str, Any] | None:
    if lease is None:
        return None
    facts = lease.facts()
    names = ("id", "ssh", "hours", "price_per_hour", "asked")
    return {**{name: facts[name] for name in names}, "until": lease.latest, "up": bool(lease.ssh)}


def _row(machine: MachineSettings, lease: Lease | None) -> list[str]:
    price = f"${machine.price_per_hour:g}/h" if machine.price_per_hour else ""
    cards = machine.gpus or machine.flavor or "-"
    if machine.is_rented:
        price = lease_text(lease) if lease else say("빌리지 않음", "not rented now")
    address = (lease.ssh if lease else "") or machine.ssh or "-"
    return [machine.name, address, cards, machine.launcher, machine.folder, price]


def check(machine: MachineSettings, *, as_json: bool) -> int:
    """1 where a training would not run."""
    runs = True
    for one in checked(machine, lambda: client_of(machine, terminal_asking())):
        runs = runs and one.level != "bad"
        if as_json:
            print(terminal_safe_json(asdict(one)), flush=True)
        else:
            show([one])
    return 0 if runs else 1


def show(found: Iterable[Finding]) -> None:
    for one in found:
        print(terminal_safe(finding_text(one)), flush=True)
