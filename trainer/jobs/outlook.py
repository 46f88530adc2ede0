"""A job that is being thought about: what it would take here or on a machine, reckoned again at each change of it.

    first    arithmetic alone: nothing is measured and nobody is asked, so that it is there at once
    whole    with this processor's measured speed, or with what the machine elsewhere says of itself

A machine is looked at once a while, and not at each change.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.money import money
from trainer.estimate.estimate import Plan, plan_run
from trainer.estimate.fit import Change
from trainer.estimate.machines import Machine, this_machine
from trainer.estimate.tokens import Lengths
from trainer.jobs.client import Client
from trainer.jobs.machines import planned_on, require_machine
from trainer.jobs.payload import repositories_of
from trainer.jobs.preflight import Facts
from trainer.jobs.prospect import Prospect, price_of, prospect
from trainer.jobs.start_here import machine_here
from trainer.jobs.text import time_text
from trainer.jobs.tokenising import known_lengths
from trainer.recipe import Recipe

_FRESH_SECONDS = 60.0


@dataclass(frozen=True)
class Outlook:
    plan: Plan
    settings: MachineSettings | None = None  # of a machine elsewhere
    found: Prospect | None = None  # once the machine elsewhere was asked
    is_whole: bool = False  # nothing more will be known before it begins

    @property
    def machine(self) -> str:
        """As the configuration calls it; empty: this computer."""
        return self.settings.name if self.settings else ""

    @property
    def price(self) -> float | None:
        return price_of(self.settings, self.plan) if self.settings else None

    @property
    def change(self) -> Change | None:
        """What alone would make it fit, or the pair; None where it fits, or nothing would."""
        return next(iter(self.plan.fit.advice.changes), None)

    @property
    def seconds(self) -> float:
        """Of a run made for minutes the minutes, on a processor where that is settled at the start."""
        minutes = self.plan.asked.train.minutes
        if minutes and self.plan.machine.is_cpu:
            return min(60 * minutes, self.plan.duration.seconds.value) if not self.found else 60 * minutes
        return self.plan.duration.seconds.value


def launch_text(outlook: Outlook) -> str:
    """What pressing it will do: where, how long, for how much."""
    lasting = time_text(outlook.seconds)
    where = outlook.machine or say("이 컴퓨터", "this machine")
    price = say(f" · 약 {money(outlook.price)}", f" · about {money(outlook.price)}") if outlook.price else ""
    return say(f"{where}에서 {lasting} 학습 시작", f"Train for {lasting} on {where}") + price


class Planning:
    """Called in threads; one plans at a time."""

    def __init__(self, client_of: Callable[[MachineSettings, bool], Client]) -> None:
        """`client_of` is told whether a person may be asked: once a machine, until it is forgotten."""
        self._client_of = client_of
        self._asked: set[str] = set()
        self._turn = threading.Lock()
        self._facts: dict[tuple[str, tuple[str, ...]], tuple[float, Facts]] = {}
        self._lengths: dict[str, Lengths] = {}

    def first(self, recipe: Recipe, machine: str, gpus: int | None) -> Outlook | None:
        """None where only the machine itself can say what it is."""
        settings = require_machine(machine) if machine else None
        place = self._place(settings, gpus)
        if place is None:
            return None
        return Outlook(
            plan_run(recipe, place, lengths=self._lengths.get(_rows_key(recipe)), measure=_nothing), settings
        )

    def whole(self, recipe: Recipe, machine: str, gpus: int | None, is_wanted: Callable[[], bool]) -> Outlook | None:
        """None where by its turn nobody wanted it any more."""
        with self._turn:
            if not is_wanted():
                return None
            lengths = self._lengths_of(recipe)
            if not machine:
                place = _here(gpus)
                return Outlook(plan_run(recipe, place, lengths=lengths), is_whole=True)
            settings = require_machine(machine)
            client = self._client_of(settings, machine not in self._asked)
            self._asked.add(machine)
            key = machine, tuple(repositories_of(recipe))
            facts = self._fresh(key)
            found = prospect(recipe, settings, client, gpus=gpus, lengths=lengths, facts=facts)
            if found.facts and not facts:
                self._facts[key] = time.monotonic(), found.facts
            return Outlook(found.plan, settings, found, is_whole=True)

    def forget(self, machine: str) -> None:
        """It is to be looked at anew, and may ask again what ssh wants to know."""
        self._asked.discard(machine)
        self._facts = {key: known for key, known in self._facts.items() if key[0] != machine}

    def rows_changed(self) -> None:
        self._lengths.clear()

    def _place(self, settings: MachineSettings | None, gpus: int | None) -> Machine | None:
        if settings is None:
            return _here(gpus)
        told = next((known.told for (name, _), (_, known) in self._facts.items() if name == settings.name), None)
        return planned_on(settings, told, gpus) if told or settings.gpus else None

    def _lengths_of(self, recipe: Recipe) -> Lengths:
        """They are counted once."""
        key = _rows_key(recipe)
        if key not in self._lengths:
            self._lengths[key] = known_lengths(recipe, resolve(recipe.model.base).folder)
        return self._lengths[key]

    def _fresh(self, key: tuple[str, tuple[str, ...]]) -> Facts | None:
        known = self._facts.get(key)
        return known[1] if known and time.monotonic() - known[0] < _FRESH_SECONDS else None


def _rows_key(recipe: Recipe) -> str:
    return repr((recipe.data, recipe.model.base, recipe.model.template))


def _here(gpus: int | None) -> Machine:
    machine = this_machine()
    if gpus is None or machine.is_cpu:
        return machine
    return machine_here(f"{gpus}x{machine.gpu.name}") if machine.gpu else machine


def on_here(machine: Machine, gpus: int | None) -> str:
    """As `--on` names so many of its cards; empty for all."""
    return f"{gpus}x{machine.gpu.name}" if gpus is not None and machine.gpu else ""


def _nothing(_facts: Any) -> None:
    """In place of a measurement."""
