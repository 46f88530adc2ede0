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
from trainer.jobs.preflight import Finding, findings, looked_at
from trainer.jobs.rented import renting
from trainer.jobs.rented.lease import Lease, lease_of
from trainer.jobs.rented.text import how_to_give_back, lease_text, offer_text


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
    found = list(_findings(machine))
    if as_json:
        for one in found:
            print(terminal_safe_json(asdict(one)))
    else:
        show(found)
    return 1 if any(one.level == "bad" for one in found) else 0


def _findings(machine: MachineSettings) -> Iterable[Finding]:
    """Of a rented one that is not up there is no more to see than its offer."""
    if machine.is_rented:
        yield from rented_findings(machine)
        if not (lease := _leased(machine)) or not lease.ssh:
            return
    facts = looked_at(client_of(machine, terminal_asking()), machine)
    yield from findings(facts, machine)


def rented_findings(machine: MachineSettings) -> Iterable[Finding]:
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


def show(found: Iterable[Finding]) -> None:
    marks = {"ok": "✓", "note": "!", "bad": "✗"}
    for one in found:
        print(terminal_safe(f"{marks[one.level]} {one.text}" + (f". {one.advice}" if one.advice else "")))
