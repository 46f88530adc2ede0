"""A machine added in the app: its address is asked for, then it is looked at, and only what that did not tell is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kullm_tui.core.config.settings import MACHINE_RULES, MachineSettings
from kullm_tui.core.language import say
from kullm_tui.core.rules import Fault
from kullm_tui.ui.background import apart
from kullm_tui.ui.dialogs.ask import AskLine, Confirm
from trainer.jobs import adding
from trainer.jobs.machines import client_of, known_machines
from trainer.jobs.preflight import Facts, looked_at
from trainer.jobs.transports.ssh_faults import MachineUnreachable

if TYPE_CHECKING:
    from textual.app import App

    from trainer.jobs.transports.askpass import Asking


async def ask_for_machine(app: App[Any], asking: Asking, tell: Callable[[str], None]) -> MachineSettings | None:
    """In a worker. The machine as it is kept now; None where it was called off."""
    ssh = await app.push_screen_wait(
        AskLine(
            say("어떤 컴퓨터인가요?", "Which computer?"),
            button=say("다음", "Next"),
            placeholder=say("~/.ssh/config의 별칭이나 사용자@주소", "alias of ~/.ssh/config, or user@address"),
            fault=lambda line: _fault("ssh", line),
        )
    )
    if not ssh:
        return None
    taken = [machine.name for machine in await asyncio.to_thread(known_machines)]
    name = await app.push_screen_wait(
        AskLine(
            say("뭐라고 부를까요?", "What shall it be called?"),
            button=say("연결해서 살펴보기", "Connect and look"),
            value=_usual_name(ssh),
            fault=lambda line: _fault("name", line) or (_taken(line) if line in taken else None),
        )
    )
    if not name:
        return None
    machine = MachineSettings(name, ssh)
    tell(say(f"{ssh}에 연결하는 중 …", f"connecting to {ssh} …"))
    try:
        facts = await apart(lambda: looked_at(client_of(machine, asking), machine))
    except MachineUnreachable as error:
        if not await _agreed(app, _all_the_same(str(error))):
            return None
    else:
        machine = await _asked_for_the_rest(app, adding.with_found(machine, facts), facts)
    await asyncio.to_thread(adding.keep, machine)
    return machine


async def _asked_for_the_rest(app: App[Any], machine: MachineSettings, facts: Facts) -> MachineSettings:
    if adding.may_be_slurm(machine, facts) and await _agreed(app, _through_slurm()):
        line = AskLine(
            say("어느 파티션인가요?", "Which partition?"),
            button=say("다음", "Next"),
            more=say("비우면 Slurm이 정해요.", "Empty: Slurm's own choice."),
            fault=lambda line: _fault("partition", line),
        )
        partition = await app.push_screen_wait(line)
        machine = replace(machine, launcher="slurm", partition=partition or "")
    if adding.may_cost(machine, facts):
        price = await app.push_screen_wait(
            AskLine(
                say("한 시간에 몇 달러인가요?", "Dollars an hour?"),
                button=say("다음", "Next"),
                more=say("비우면 가격을 말하지 않아요.", "Empty: no price is told."),
                fault=lambda line: None if not line or adding.dollars(line) is not None else _no_amount(),
            )
        )
        machine = replace(machine, price_per_hour=adding.dollars(price or ""))
    return machine


async def _agreed(app: App[Any], asked: Confirm) -> bool:
    answer = await app.push_screen_wait(asked)
    return answer is True


def _fault(key: str, line: str) -> str | None:
    try:
        MACHINE_RULES[key](line)
    except Fault as fault:
        return str(fault)
    return None


def _usual_name(ssh: str) -> str:
    host = ssh.rpartition("@")[2].partition(".")[0]
    return host if _fault("name", host) is None else ""


def _taken(name: str) -> str:
    return say(f"{name}: 이미 있는 이름이에요.", f"There is a {name} already.")


def _no_amount() -> str:
    return say("3.5처럼 적어 주세요.", "Write it like 3.5.")


def _all_the_same(fault: str) -> Confirm:
    return Confirm(
        say("연결하지 못했어요. 그래도 추가할까요?", "It was not reached. Add it all the same?"),
        say("그래도 추가하기", "Add it"),
        more=fault,
        danger=True,
    )


def _through_slurm() -> Confirm:
    return Confirm(
        say("Slurm이 있는 장비예요. 학습을 Slurm으로 시작할까요?", "It has Slurm. Start trainings through it?"),
        say("Slurm으로 시작하기", "Through Slurm"),
        stay=say("바로 시작하기", "Directly"),
    )
