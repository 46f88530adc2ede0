"""A job's rows as trackers are given them: each once, counted alike by whoever reads, and told where a stretch is repeated."""

import json
import math
from pathlib import Path

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.trackers.updates import Updates


def _job(folder: Path, *steps: int) -> JobDirectory:
    job = JobDirectory(folder)
    _add(job, *steps)
    return job


def _add(job: JobDirectory, *steps: int) -> None:
    with job.metrics.open("a") as file:
        for step in steps:
            file.write(json.dumps({"step": step, "loss": float(step), "skipped": False, "time": 100.0 + step}) + "\n")


def _sample(job: JobDirectory, step: int, prompt: str, reply: str) -> None:
    with job.samples.open("a") as file:
        file.write(json.dumps({"step": step, "prompt": prompt, "reply": reply}) + "\n")


def test_each_row_comes_once_as_the_file_grows(tmp_path: Path) -> None:
    job = _job(tmp_path, 1, 2)
    updates = Updates(job)
    first = list(updates.new())
    _add(job, 3)
    assert [(one.number, one.step, one.time) for one in first] == [(1, 1, 101.0), (2, 2, 102.0)]
    assert [(one.number, one.step) for one in updates.new()] == [(3, 3)]
    assert list(updates.new()) == []


def test_a_repeated_stretch_says_that_it_goes_back(tmp_path: Path) -> None:
    found = list(Updates(_job(tmp_path, 1, 2, 3, 2, 3, 4)).new())
    assert [one.goes_back for one in found] == [False, False, False, True, False, False]
    assert [one.number for one in found] == [1, 2, 3, 4, 5, 6]


def test_what_is_no_row_is_not_counted_and_what_is_no_number_is_no_value(tmp_path: Path) -> None:
    job = JobDirectory(tmp_path)
    job.metrics.write_text(
        'garbage\n{"step": 1, "loss": NaN, "skipped": true, "note": "x"}\n{"step": "two"}\n{"step": 2}\n{"st'
    )
    one, other = Updates(job).new()
    assert math.isnan(one.values["loss"])
    assert (one.values["skipped"], set(one.values)) == (1.0, {"loss", "skipped"})
    assert (other.number, other.step) == (2, 2)


def test_replies_come_with_the_row_of_their_step(tmp_path: Path) -> None:
    job = JobDirectory(tmp_path)
    _sample(job, 2, "a", "killed before its row")
    _sample(job, 4, "a", "one")
    _sample(job, 4, "b", "two")
    _add(job, 1, 3, 4)
    assert [[sample["reply"] for sample in one.samples] for one in Updates(job).new()] == [[], [], ["one", "two"]]


def test_a_step_that_is_evaluated_again_has_its_replies_again(tmp_path: Path) -> None:
    job = JobDirectory(tmp_path)
    for reply in ("first", "second"):
        _sample(job, 2, "a", reply)
    _add(job, 1, 2, 1, 2, 3)
    assert [[sample["reply"] for sample in one.samples] for one in Updates(job).new()] == [
        [],
        ["first"],
        [],
        ["second"],
        [],
    ]


def test_a_history_that_was_taken_to_another_machine_is_not_given_again(tmp_path: Path) -> None:
    job = _job(tmp_path, 1, 2, 3)
    updates = Updates(job)
    assert len(list(updates.new())) == 3
    job.metrics.write_text("")
    assert list(updates.new()) == []
    _add(job, 1, 2, 3, 4)
    assert [(one.number, one.step) for one in updates.new()] == [(4, 4)]
