"""A job's curve and its progress, in the cases in which panels have told something else than was so."""

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.jobs.elsewhere import add_rows, make_job, running, set_state
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append
from trainer.jobs.history import curve, progress, seconds_at_work
from trainer.jobs.registry import known_in, put_down


@pytest.fixture
def job(tmp_path: Path) -> JobDirectory:
    return make_job(tmp_path)


def _rows(job: JobDirectory, *rows: dict[str, Any]) -> None:
    for row in rows:
        append(job.metrics, row)


def test_after_a_resume_the_later_row_of_a_step_counts_and_what_was_given_up_is_gone(job: JobDirectory) -> None:
    _rows(job, *({"step": step, "loss": 1.0} for step in range(1, 11)))
    _rows(job, {"step": 7, "loss": 2.0}, {"step": 8, "loss": 3.0})
    found = curve(job.metrics)
    assert found.points == [*((step, 1.0) for step in range(1, 7)), (7, 2.0), (8, 3.0)]


def test_an_evaluation_of_a_stretch_that_was_given_up_is_gone_too(job: JobDirectory) -> None:
    _rows(job, {"step": 4, "eval_loss": 1.5}, {"step": 8, "eval_loss": 1.4}, {"step": 5, "loss": 1.0})
    assert curve(job.metrics, "eval_loss").points == [(4, 1.5)]


def test_a_loss_that_is_no_number_stays_in_the_curve_and_out_of_the_mean(job: JobDirectory) -> None:
    _rows(job, {"step": 1, "loss": 2.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 4.0})
    found = curve(job.metrics)
    assert found.steps == [1, 2, 3]
    assert math.isnan(found.values[1])
    assert found.mean() == 3.0


def test_the_last_loss_is_not_the_mean_one(job: JobDirectory) -> None:
    _rows(job, *({"step": step, "loss": float(step)} for step in range(1, 201)))
    found = curve(job.metrics)
    assert (found.last, found.mean()) == (200.0, 150.5)
    with running(job):
        assert progress(known_in(job)).loss == 200.0


def test_lines_that_are_no_rows_are_counted_and_passed_over(job: JobDirectory) -> None:
    lines = [
        b'{"step": 1, "epoch": 0.1, "loss": 1.0}',
        b'{"step": 2, "lo{"step": 2, "loss": 2.0}',
        "글".encode()[:2],
        b"null",
        b'{"step": 3, "loss": "none"}',
        b'{"loss": 5.0, "step": 4}',
        b'{"step": 5, "loss": 5.5',
    ]
    job.metrics.write_bytes(b"\n".join(lines))
    found = curve(job.metrics)
    assert found.points == [(1, 1.0), (4, 5.0)]
    assert found.malformed == 3


@pytest.mark.parametrize("odd", [b"", b'{"loss": 1.5, "step": 10001}\n', b"garbage\n"])
def test_the_quick_way_and_the_parser_find_the_same(job: JobDirectory, odd: bytes) -> None:
    add_rows(job, range(1, 10_001))
    expected = [(step, json.loads(line)["loss"]) for step, line in enumerate(job.metrics.read_text().splitlines(), 1)]
    job.metrics.write_bytes(job.metrics.read_bytes() + odd)
    assert curve(job.metrics).points[:10_000] == expected


def test_what_is_left_after_a_resume_is_told_once_a_step_of_it_is_there(job: JobDirectory) -> None:
    _rows(job, {"step": 90, "steps": 100, "loss": 1.0, "eta_s": 5.0, "time": 100.0})
    with running(job):
        set_state(job, "STARTING", attempt=2, start=2)
        assert progress(known_in(job)).eta_s is None
        _rows(job, {"step": 10, "steps": 100, "loss": 1.0, "eta_s": 540.0, "time": 200.0})
        set_state(job, "RUNNING", attempt=2, start=2)
        now = progress(known_in(job))
        assert (now.step, now.steps, now.eta_s) == (10, 100, 540.0)


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_clock_that_is_a_day_off_changes_neither_state_nor_what_is_left(job: JobDirectory, days: int) -> None:
    _rows(job, {"step": 1, "steps": 9, "loss": 1.0, "eta_s": 80.0, "time": time.time() + 86400 * days})
    with running(job, since=time.time() + 86400 * days):
        known = known_in(job)
        assert known.state["state"] == "RUNNING"
        assert progress(known).eta_s == 80.0


def test_a_finished_job_has_nothing_left_and_a_stopped_one_does_not_say(job: JobDirectory) -> None:
    _rows(job, {"step": 9, "steps": 9, "loss": 1.0, "eta_s": 0.4})
    set_state(job, "SUCCEEDED")
    assert progress(known_in(job)).eta_s == 0.0
    set_state(job, "CANCELLED")
    assert progress(known_in(job)).eta_s is None


def test_a_row_that_was_asked_for_counts_when_it_is_newer_than_the_followed_ones(job: JobDirectory) -> None:
    put_down(job, machine="box", last={"step": 40, "loss": 1.0, "time": 400.0})
    _rows(job, {"step": 30, "loss": 1.5, "time": 300.0})
    assert progress(known_in(job)).step == 40
    _rows(job, {"step": 50, "loss": 0.5, "time": 500.0})
    assert progress(known_in(job)).step == 50


def test_hours_are_those_of_the_attempts_and_not_of_the_queue(job: JobDirectory) -> None:
    moments = [("queued", 0), ("starting", 100), ("running", 110), ("failed", 200), ("queued", 300), ("starting", 400)]
    for event, moment in [*moments, ("trying again", 450), ("starting", 460), ("running", 470), ("succeeded", 560)]:
        append(job.events, {"event": event, "time": moment})
    assert seconds_at_work(known_in(job)) == 100 + 50 + 100
