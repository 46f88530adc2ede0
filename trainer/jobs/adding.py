"""A machine added to the configuration: what was said of it, what was found out by looking, and only then what is left to be asked."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from kullm_tui.core.config.edit import put_row
from kullm_tui.core.config.keys import set_key
from kullm_tui.core.config.settings import MACHINE_RULES, MachineSettings
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.paths import typed
from kullm_tui.core.rules import Fault
from trainer.estimate.machines import gpu_named
from trainer.jobs.preflight import Facts


def with_given(known: MachineSettings | None, given: Mapping[str, Any], faults: dict[str, str]) -> MachineSettings:
    """What is said of a machine, over what is known of one of that name; by its name, what is wrong with a value."""
    values = dict(given)
    for name in ("lock", "wheels"):  # they are looked for from any folder
        if values.get(name):
            values[name] = str(typed(values[name]).resolve())
    for name, value in values.items():
        try:
            values[name] = MACHINE_RULES[name](value)
        except Fault as fault:
            faults[name] = str(fault)
    if faults:
        return known or MachineSettings("", "")
    return replace(known, **values) if known else MachineSettings(**values)


def with_found(machine: MachineSettings, facts: Facts) -> MachineSettings:
    """Its cards, where nobody said which."""
    cards = facts.told["cards"]
    if machine.gpus or not cards:
        return machine
    return replace(machine, gpus=f"{len(cards)}x{_short(str(cards[0]['name']))}")


def may_be_slurm(machine: MachineSettings, facts: Facts) -> bool:
    """Whether it is worth asking."""
    return bool(facts.told.get("sbatch")) and machine.launcher == "detached"


def may_cost(machine: MachineSettings, facts: Facts) -> bool:
    return machine.price_per_hour is None and bool(facts.told["cards"])


def dollars(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text.strip()) else None


def keep(machine: MachineSettings) -> None:
    """New, or in place of the one of its name; what is as usual is not written."""
    usual = MachineSettings(machine.name)
    put_row(
        "machines",
        {name: value for name, value in asdict(machine).items() if name == "name" or value != getattr(usual, name)},
    )


def is_address(value: str) -> bool:
    return re.match(r"https?://\S", value.strip()) is not None


def stored_address(machine: str, value: str) -> str:
    """The name under which it is kept. Who knows a webhook's address may write there: it is kept where the keys are."""
    if not is_address(value):
        raise UsageError(
            say("https://로 시작하는 주소를 넣어 주세요.", "the webhook is an address that begins with https://.")
        )
    name = "NOTIFY_" + re.sub(r"[^A-Za-z0-9]", "_", machine).upper()
    set_key(name, value)
    return name


def _short(name: str) -> str:
    known = gpu_named(name)
    return known.name if known else re.sub(r"[^\w .-]", "", name)
