"""What fine-tunes cost: hours at work by the price of an hour of the machine, where it is known."""

import json
from pathlib import Path
from shutil import rmtree

import pytest

from evaluator.questions import QuestionSet
from kullm_tui.core import paths
from kullm_tui.studies.document import Table
from kullm_tui.studies.evidence import Evidence
from kullm_tui.studies.marks import Mark
from kullm_tui.studies.stages import plan_of
from kullm_tui.studies.study import load_study
from kullm_tui.studies.training_cost import cost_blocks, sum_text, training_costs
from tests.studies.small import small_study
from trainer.jobs.agent.files import publish
from trainer.jobs.card import card
from trainer.jobs.registry import directory_of, known_in, new_id, put_down

RENTED = {"name": "cloud", "price_per_hour": 4.0}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")


def trained(machine: str, hours: float, where: object = None) -> str:
    """The number of a job that worked so long; what it waited between two attempts is no work."""
    job = directory_of(new_id())
    paths.private_dir(job.path)
    publish(job.spec, {"name": "x", "machine": where})
    put_down(job, machine=machine)
    moments = [("starting", 100.0), ("lost", 700.0), ("starting", 9000.0), ("SUCCEEDED", 8400.0 + 3600 * hours)]
    job.events.write_text("".join(f"{json.dumps({'event': event, 'time': time})}\n" for event, time in moments))
    return job.id


def evidence(folder: Path, *jobs: str) -> Evidence:
    plan = plan_of(load_study(str(small_study(folder))))
    marks = {one.id: Mark(1.0, 1.0, {"run": job}) for one, job in zip(plan.of("training"), jobs, strict=True)}
    return Evidence(plan, marks, QuestionSet("none", ()), (), {})


def rows(found: Evidence) -> list[list[str]]:
    [table] = [one for one in cost_blocks(found, training_costs(found)) if isinstance(one, Table)]
    return [list(row) for row in table.rows]


def test_a_fine_tune_costs_its_hours_at_work_and_what_nobody_knows_is_said_so(tmp_path: Path) -> None:
    found = evidence(tmp_path, trained("cloud", 1.5, RENTED), trained("lab", 0.5))
    assert rows(found) == [
        ["long", "cloud", "1 h 30 min", "$4", "$6.00"],
        ["both", "lab", "30 min", "unknown", "unknown"],
    ]
    assert sum_text(training_costs(found)) == "$6.00 and more for training (1 unknown)"

    here = evidence(tmp_path, trained("", 0.5), trained("", 0.5))
    assert {tuple(row[1:]) for row in rows(here)} == {("this machine", "30 min", "–", "–")}
    assert sum_text(training_costs(here)) == ""


def test_where_the_job_was_removed_the_adapters_card_tells_it(tmp_path: Path) -> None:
    first, second = trained("cloud", 1.5, RENTED), trained("", 0.5)
    found = evidence(tmp_path, first, second)
    for stage, job in zip(found.plan.of("training"), (first, second), strict=True):
        folder = paths.private_dir(paths.adapters_dir() / stage.makes)
        (folder / "card.json").write_text(json.dumps(card(known_in(directory_of(job)))))
        rmtree(directory_of(job).path)
    assert [row[1:] for row in rows(found)] == [
        ["cloud", "1 h 30 min", "unknown", "$6.00"],
        ["this machine", "30 min", "–", "–"],
    ]
    assert sum_text(training_costs(found)) == "$6.00 for training"
    rmtree(paths.adapters_dir())
    assert sum_text(training_costs(found)) == "what training cost is not known"
