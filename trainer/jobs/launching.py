"""A job begun by an app: here, or on a machine of the configuration, each step said as it is taken.

What was begun goes on by itself. Where the way to a machine is cut, or the work is called off, the job stays known and `finish_dispatch` goes on with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import TooLarge
from kullm_tui.core.extras import require_local
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import free_name, require_free
from kullm_tui.core.models.resolve import resolve
from trainer.jobs.actions import resume
from trainer.jobs.client import Client
from trainer.jobs.dispatch import carry_out, draft
from trainer.jobs.machines import require_machine
from trainer.jobs.prepare_here import prepared, require_base, require_name
from trainer.jobs.prospect import prospect, require_sense
from trainer.jobs.reach import HERE
from trainer.jobs.registry import KnownJob, known_in
from trainer.jobs.start_here import machine_here, new_job
from trainer.jobs.telling import Telling
from trainer.jobs.tokenising import known_lengths
from trainer.recipe import Recipe


@dataclass(frozen=True)
class Wanted:
    recipe: Recipe
    argv: Sequence[str]  # the command that asks for the same
    name: str = ""  # of what is trained; empty: the recipe's with a number
    machine: str = ""  # empty: this computer
    on: str = ""  # here: fewer of its cards, as `--on` names them
    gpus: int | None = None  # elsewhere
    waits: bool = False  # until cards are free
    agreed: bool = False  # that it may not fit
    known_as: str = ""  # the job's number, where something of its folder is there already


Reach = Callable[[MachineSettings], Client]
Known = Callable[[KnownJob], None]


def launch(wanted: Wanted, client_of: Reach, telling: Telling, known: Known) -> KnownJob:
    """The job, which the machine has begun or has in its queue. `known` is told of it before: from then on it can be gone on with."""
    return _elsewhere(wanted, client_of, telling, known) if wanted.machine else _here(wanted, telling, known)


def _here(wanted: Wanted, telling: Telling, known: Known) -> KnownJob:
    if wanted.name:
        require_name(wanted.recipe, wanted.name)
    require_local()
    ready = prepared(wanted.recipe, machine_here(wanted.on), telling)
    fault = ready.room_fault()
    if fault and not wanted.agreed:
        raise TooLarge(fault)
    telling.progress(say("학습을 시작하는 중 …", "starting …"))
    name = wanted.name or free_name(wanted.recipe.name)
    predicted, known_as = ready.predicted(), wanted.known_as
    job = known_in(new_job(ready.recipe, wanted.argv, name=name, on=wanted.on, predicted=predicted, job=known_as))
    known(job)
    resume(job, HERE)
    return job.again()


def _elsewhere(wanted: Wanted, client_of: Reach, telling: Telling, known: Known) -> KnownJob:
    if wanted.name:
        require_free(wanted.name)
    require_base(wanted.recipe)
    settings = require_machine(wanted.machine)
    client = client_of(settings)
    telling.progress(say(f"{settings.name}에 연결하는 중 …", f"connecting to {settings.name} …"))
    lengths = known_lengths(wanted.recipe, resolve(wanted.recipe.model.base).folder)
    found = prospect(wanted.recipe, settings, client, gpus=wanted.gpus, lengths=lengths)
    require_sense(found, waits=wanted.waits, agreed=wanted.agreed)
    name = wanted.name or free_name(wanted.recipe.name)
    job = draft(found, name=name, argv=wanted.argv, known_as=wanted.known_as)
    known(known_in(job))
    carry_out(job, settings, client, telling, found.facts)
    return known_in(job)
