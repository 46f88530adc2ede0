"""The evaluations that were kept: what each was about, and how far it is. Forgetting one keeps its answers and verdicts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.answer_store import kept_answers
from evaluator.evaluation import Evaluation, evaluation_items, system_of
from evaluator.verdicts import VerdictStore


@dataclass(frozen=True)
class Run:
    number: int
    begun: float  # seconds since 1970; when it was begun last
    set_name: str  # as it was asked for
    systems: tuple[str, ...]
    judge: str  # empty: people alone rate it
    rubric: str
    repeats: int = 1  # how often each answer is judged

    @property
    def set_title(self) -> str:
        return Path(self.set_name).stem


@dataclass(frozen=True)
class Counts:
    answers: int
    verdicts: int
    handed_in: int = 0  # verdicts that a batch will bring


def list_runs(store: VerdictStore) -> list[Run]:
    """The latest first; read from the plans alone, so nothing that is missing since makes it fail."""
    with store.database.reading() as connection:
        rows = connection.execute("SELECT id, created, plan FROM runs ORDER BY created DESC").fetchall()
    runs = (_run(row["id"], row["created"], json.loads(row["plan"])) for row in rows)
    return [run for run in runs if run]


def latest_number(store: VerdictStore) -> int | None:
    """Of the run that was begun last."""
    with store.database.reading() as connection:
        row = connection.execute("SELECT id FROM runs ORDER BY created DESC LIMIT 1").fetchone()
    return int(row["id"]) if row else None


def plan_of(store: VerdictStore, number: int) -> Mapping[str, Any]:
    """As it was begun, whatever has changed since; empty where it was forgotten."""
    with store.database.reading() as connection:
        row = connection.execute("SELECT plan FROM runs WHERE id = ?", (number,)).fetchone()
    return json.loads(row["plan"]) if row else {}


def forget_run(store: VerdictStore, number: int) -> None:
    """Only that it was run. What was answered and paid for stays, and a new run with the same plan has it all."""
    with store.database.transaction() as connection:
        connection.execute("DELETE FROM runs WHERE id = ?", (number,))


def counts_of(evaluation: Evaluation, store: VerdictStore) -> dict[str, Counts]:
    """System by system, without reading what the verdicts say."""
    items = evaluation_items(evaluation, store)
    judge, rubric = evaluation.judge, evaluation.rubric
    keys = {item.id: judge.key(rubric, item) for item in items} if judge.model else {}
    there = store.replies(keys.values()) if keys else {}
    counts = {}
    for system in evaluation.systems:
        answers = kept_answers(store, system, evaluation.questions.questions)
        own = [item for item in items if item.id in keys and system_of(item.id) == system.name]
        asked = (judge.key(rubric, item, repeat) for item in own for repeat in range(evaluation.repeats))
        counts[system.name] = Counts(
            len(answers), sum(keys[item.id] in there for item in own), len(store.handed_in(asked))
        )
    return counts


def _run(number: int, begun: float, plan: Mapping[str, Any]) -> Run | None:
    """None for what damage to the file has made of a plan."""
    try:
        systems = tuple(one["name"] for one in plan["systems"])
        return Run(number, begun, plan["set"], systems, plan["judge"], plan["rubric"], plan.get("repeats", 1))
    except (KeyError, TypeError):
        return None
