"""What each fine-tune of a study cost: the hours that it worked, by the price of an hour of the machine that it ran on.

Told by its job; by its adapter's card where the job was removed. This computer has no price. A rented machine costs while it is prepared
and fetched from, too: that is in no job's hours, and the report says so.
"""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import card_of, list_adapters
from kullm_tui.core.money import money
from kullm_tui.studies.document import Block, Notes, Table
from kullm_tui.studies.evidence import Evidence, label
from kullm_tui.studies.marks import Mark
from kullm_tui.studies.stages import Stage
from trainer.jobs.history import as_number
from trainer.jobs.reckoning import reckoning
from trainer.jobs.registry import KnownJob, known_jobs
from trainer.jobs.text import time_text


@dataclass(frozen=True)
class TrainingCost:
    """What nobody knows is None."""

    machine: str | None = None  # empty: this computer
    seconds: float | None = None
    price_per_hour: float | None = None
    dollars: float | None = None

    @property
    def is_here(self) -> bool:
        return self.machine == ""


def training_costs(evidence: Evidence) -> Mapping[str, TrainingCost]:
    """By the stage's id, of those that came to their end."""
    jobs = {job.id: job for job in known_jobs()}
    done = ((one, evidence.marks[one.id]) for one in evidence.plan.of("training") if one.id in evidence.marks)
    return {one.id: _cost(one, mark, jobs) for one, mark in done}


def _cost(stage: Stage, mark: Mark, jobs: Mapping[str, KnownJob]) -> TrainingCost:
    job = jobs.get(str(mark.result.get("run")))
    if job:
        found = reckoning(job, peak=None)
        return TrainingCost(job.machine, found.seconds_worked, found.price_per_hour, found.price(found.seconds_worked))
    card = next((card_of(one) for one in list_adapters() if one.name == stage.makes), {})
    hours, dollars, where = as_number(card.get("hours")), as_number(card.get("price")), card.get("machine")
    machine = None if where is None else "" if where == platform.node() else str(where)
    return TrainingCost(machine, None if hours is None else hours * 3600, None, dollars)


def cost_blocks(evidence: Evidence, costs: Mapping[str, TrainingCost]) -> Iterator[Block]:
    head = [say("학습", "training"), say("장비", "machine"), say("학습한 시간", "time at work"), say("한 시간의 가격", "an hour"),
            say("가격", "price")]  # fmt: skip
    trained = [one for one in evidence.plan.of("training") if one.id in costs]
    rows = [[label(evidence.plan, one), *_cells(costs[one.id])] for one in trained]
    if rows:
        yield Table(head, rows, say("학습의 가격", "What training cost"))
    if any(one.dollars is not None for one in costs.values()):
        yield Notes(
            [
                say(
                    "학습한 시간만 셈했어요. 빌린 장비는 준비하고 결과를 받는 동안에도 돈이 들어요.",
                    "The hours are those of training alone. A rented machine costs while it is prepared and fetched from, too.",
                )
            ]
        )


def _cells(cost: TrainingCost) -> list[str]:
    unknown = say("모름", "unknown")
    where = unknown if cost.machine is None else cost.machine or say("이 컴퓨터", "this machine")
    hour = None if cost.price_per_hour is None else f"${cost.price_per_hour:g}"
    price = None if cost.dollars is None else money(cost.dollars)
    missing = "–" if cost.is_here else unknown
    return [where, unknown if cost.seconds is None else time_text(cost.seconds), hour or missing, price or missing]


def sum_text(costs: Mapping[str, TrainingCost]) -> str:
    """Of what was trained elsewhere; empty where all was trained here."""
    elsewhere = [one for one in costs.values() if not one.is_here]
    if not elsewhere:
        return ""
    known = [one.dollars for one in elsewhere if one.dollars is not None]
    if not known:
        return say("학습의 가격은 몰라요", "what training cost is not known")
    amount, unknown = money(sum(known)), len(elsewhere) - len(known)
    if unknown:
        return say(f"학습에 {amount} 이상({unknown}개는 모름)", f"{amount} and more for training ({unknown} unknown)")
    return say(f"학습에 {amount}", f"{amount} for training")
