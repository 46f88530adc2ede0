"""The machines of the configuration: each as a client that reaches it, and as what a plan is made for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kullm_tui.core.config.settings import MachineSettings, load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.rules import did_you_mean
from trainer.estimate.machines import Gpu, Machine, gpu_named, machine_named
from trainer.jobs.client import Client
from trainer.jobs.rented.lease import lease_of
from trainer.jobs.rented.nowhere import Nowhere
from trainer.jobs.transports.askpass import Asking
from trainer.jobs.transports.connection import Connection
from trainer.jobs.transports.ssh import SshTransport

_MIB = 1 << 20


def known_machines() -> tuple[MachineSettings, ...]:
    return load_config().machines


def machine_settings(name: str) -> MachineSettings | None:
    return next((machine for machine in known_machines() if machine.name == name), None)


def require_machine(name: str) -> MachineSettings:
    found = machine_settings(name)
    if found:
        return found
    hint = did_you_mean(name, [machine.name for machine in known_machines()])
    raise UsageError(
        say(
            f"'{name}' 장비가 없어요.{hint} `kullm machines list`로 목록을 보고, `kullm machines add {name} --ssh 별칭`으로 추가하세요.",
            f"There is no machine '{name}'.{hint} `kullm machines list` shows them, `kullm machines add {name} --ssh ALIAS` adds one.",
        )
    )


def client_of(settings: MachineSettings, asking: Asking | None = None) -> Client:
    """One that is rented is reached while it is up; else by a client whose every call says that it is not."""
    ssh = settings.ssh
    if settings.is_rented:
        lease = lease_of(settings.name)
        if lease is None or not lease.ssh:
            return Client(settings.name, Nowhere(settings.name))
        ssh = lease.ssh
    connection = Connection(settings.name, ssh, settings.folder, settings.python, asking)
    return Client(settings.name, SshTransport(connection))


def planned_on(settings: MachineSettings, facts: Mapping[str, Any] | None, gpus: int | None) -> Machine:
    """What the run would have there: `gpus` of its cards, or so many ranks of its processor. `facts`: None where it was not reached."""
    cards: Sequence[Mapping[str, Any]] = (facts or {}).get("cards") or ()
    if settings.gpus and (settings.gpus != "cpu" or facts is None):
        machine = machine_named(settings.gpus)
    elif cards:
        machine = _of_cards(cards)
    elif facts is None:
        raise UsageError(
            say(
                f"{settings.name}의 GPU를 알 수 없어요. `kullm config set machines.{settings.name}.gpus 4xA100-80GB`처럼 적어 두면 연결 없이도 예상할 수 있어요.",
                f"the cards of {settings.name} are not known. With `kullm config set machines.{settings.name}.gpus 4xA100-80GB` a plan needs no connection.",
            )
        )
    else:
        ranks = gpus or 1
        memory = int(facts.get("memory") or 0) // ranks
        return Machine("cpu" if ranks == 1 else f"{ranks}xcpu", ranks, memory, None, cores=int(facts["cores"]))
    return _with(machine, settings, gpus)


def _of_cards(cards: Sequence[Mapping[str, Any]]) -> Machine:
    """All alike, as the first: what is trained on several waits for the slowest."""
    name, memory = str(cards[0]["name"]), int(cards[0]["total_mib"]) * _MIB
    gpu = gpu_named(name) or Gpu(name, memory, 0.0, 0.0)
    return Machine(f"{len(cards)}x{gpu.name}", len(cards), memory or gpu.memory_bytes, gpu)


def _with(machine: Machine, settings: MachineSettings, gpus: int | None) -> Machine:
    machine = replace(machine, here=False)
    have = machine.count * settings.nodes
    wanted = have if gpus is None else gpus
    if not 1 <= wanted <= have:
        raise UsageError(
            say(
                f"--gpus {wanted}: {settings.name}에는 GPU가 {have}개 있어요.",
                f"--gpus {wanted}: {settings.name} has {have}.",
            )
        )
    name = machine.gpu.name if machine.gpu else "cpu"
    return replace(machine, name=f"{wanted}x{name}", count=wanted)
