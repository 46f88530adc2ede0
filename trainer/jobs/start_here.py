"""A job of this computer: made, and started on the ranks that its machine here has."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from trainer.estimate.machines import Machine, machine_named, this_machine
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document
from trainer.jobs.reach import HERE
from trainer.jobs.registry import directory_of, new_id
from trainer.jobs.spec import spec_of
from trainer.recipe import Recipe


def new_job(
    recipe: Recipe,
    argv: Sequence[str],
    *,
    name: str,
    on: str = "",
    predicted: Mapping[str, Any] | None = None,
    job: str = "",
) -> JobDirectory:
    """`name`: what the adapter will be called; `on`: the machine as it was named, for the day the run is resumed; `job`: of whose
    folder something is there already."""
    job = job or new_id()
    HERE.stage(job, spec_of(recipe, argv, name=name, on=on, predicted=predicted))
    return directory_of(job)


def next_start(job: JobDirectory) -> int:
    return int(document(job.launch).get("start") or document(job.state).get("start") or 0) + 1


def local_launch(job: JobDirectory, machine: Machine) -> dict[str, Any]:
    """The next start of the job, on these ranks of this computer. Cards are waited for, a processor is shared."""
    ranks = machine.count
    return {
        "start": next_start(job),
        "python": sys.executable,
        "ranks": ranks,
        "gpus": 0 if machine.is_cpu else ranks,
        "queue": not machine.is_cpu,
    }


def machine_here(on: str | None) -> Machine:
    """This computer; `on` may take fewer of its cards, or the processor."""
    here = this_machine()
    if not on:
        return here
    asked = machine_named(on)
    if asked.is_cpu:
        return asked
    if here.gpu is None or asked.gpu is None or here.gpu.name != asked.gpu.name or asked.count > here.count:
        raise UsageError(
            say(
                f"이 컴퓨터의 장비는 {here.name}뿐이에요. 다른 장비는 --plan으로 예상만 할 수 있어요: kullm train … --plan --on {on}",
                f"This machine is {here.name}. For another, only an estimate can be had: kullm train … --plan --on {on}",
            )
        )
    return replace(here, name=asked.name, count=asked.count)
