"""A study as it stands: what is done, who else is at it, what stages that are not done said last, and what is missing to begin."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data.manifest import Translation
from data.translate.choice import open_translator
from evaluator.judge_choice import judge_endpoint
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import KullmError
from kullm_tui.core.extras import require_data, require_local
from kullm_tui.studies.child import LAST_LINES
from kullm_tui.studies.marks import AtWork, Mark, at_work, log_of, mark_of
from kullm_tui.studies.running import marks_of
from kullm_tui.studies.stages import Plan, Stage, is_translated
from trainer.jobs.machines import require_machine

_TAIL_BYTES = 16_384


@dataclass(frozen=True)
class Said:
    """The end of a stage's log, and where it lies."""

    words: str
    log: Path


@dataclass(frozen=True)
class Seen:
    marks: Mapping[str, Mark] = field(default_factory=dict)  # of what is done, by the stage's id
    elsewhere: AtWork | None = None
    said: Mapping[str, Said] = field(default_factory=dict)  # last words of stages that were begun and are not done
    missing: Sequence[str] = ()

    def next_of(self, plan: Plan) -> Stage | None:
        return next((one for one in plan.stages if one.id not in self.marks), None)


def seen(plan: Plan, *, is_ours: bool = False) -> Seen:
    """`is_ours`: this very process is at it."""
    marks = marks_of(plan)
    undone = [one for one in plan.stages if one.id not in marks]
    logs = {one.id: log_of(plan.study.name, one) for one in undone}
    said = {identity: Said(_end_of(log), log) for identity, log in logs.items() if log.is_file()}
    return Seen(marks, None if is_ours else at_work(plan.study.name), said, tuple(_missing(plan, undone)))


def require_parts(plan: Plan) -> None:
    """KullmError where something is missing without which no stage could end, or a training could not begin after hours of other work."""
    require_local()
    require_data()
    for machine in _machines(plan, [one for one in plan.of("training") if mark_of(plan.study.name, one) is None]):
        require_machine(machine)


def _machines(plan: Plan, undone: Sequence[Stage]) -> list[str]:
    """On which something is still to be trained."""
    bases = {one.base for one in undone if one.kind == "training"}
    return list(dict.fromkeys(one.on for one in plan.study.bases if one.on and one.name in bases))


def _missing(plan: Plan, undone: Sequence[Stage]) -> Iterator[str]:
    """Each told with how to get it; nothing is fetched or asked for."""
    if not undone:
        return
    kinds = {one.kind for one in undone}
    asked: list[Callable[[], object]] = [require_local, require_data]
    mixture = plan.study.made_mixtures
    if "mixtures" in kinds and is_translated(mixture):
        asked.append(partial(_translator_is_there, mixture.translation))
    asked += [partial(require_machine, name) for name in _machines(plan, undone)]
    if "scores" in kinds:
        endpoints = load_config().endpoints
        asked += [partial(judge_endpoint, name, endpoints) for name in plan.judges]
    told = (_refusal(one) for one in asked)
    yield from dict.fromkeys(filter(None, told))


def _translator_is_there(choice: Translation) -> None:
    asyncio.run(open_translator(choice).close())


def _refusal(work: Callable[[], object]) -> str:
    try:
        work()
    except KullmError as error:
        return str(error)
    return ""


def _end_of(log: Path) -> str:
    with suppress(OSError), log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])
    return ""
