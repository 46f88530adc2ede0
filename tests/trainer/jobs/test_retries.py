"""Tried again where the machine was at fault, from the newest whole checkpoint, and not for ever."""

from pathlib import Path

import pytest

from tests.trainer.jobs.here import Here, wait_until
from tests.trainer.jobs.here import here as here
from tests.training import base as base
from tests.training import home as home
from trainer.jobs.agent import states
from trainer.jobs.agent.files import rows as read_rows

_FAULT = "NCCL error: unhandled system error"
_FAILS_TWICE = f"""
import os

sync = os.fsync
DIES_IN = {{"1": "checkpoint-4.partial", "2": "checkpoint-7.partial"}}


def failing(handle):
    sync(handle)
    if DIES_IN.get(os.environ.get("KULLM_ATTEMPT"), "/none/") in os.readlink(f"/proc/self/fd/{{handle}}"):
        raise RuntimeError("{_FAULT}")


os.fsync = failing
"""


@pytest.mark.usefixtures("home")
@pytest.mark.fault("retries for causes of the machine alone")
def test_each_try_goes_on_from_the_newest_whole_checkpoint_and_one_that_got_on_counts_anew(
    here: Here, tmp_path: Path
) -> None:
    """Two faults of the real trainer, one retry allowed: between them it came further."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_FAILS_TWICE)
    job = here.job(here.recipe("tiny"))
    job.start(path=[str(site)], retries=1, pause=0.0)
    assert job.ends()["state"] == states.SUCCEEDED, job.told()
    assert job.state["attempt"] == 3
    assert [row["step"] for row in job.events("resumed")] == [3, 6]
    assert [row["reason"] for row in job.events("trying again")] == [_FAULT] * 2
    assert {row["step"] for row in read_rows(job.directory.metrics)} == set(range(1, 13))


@pytest.mark.fault("retries for causes of the machine alone")
def test_between_two_tries_it_rests_and_can_be_cancelled(here: Here) -> None:
    job = here.job()
    job.start(path=here.program(f"row(1)\nraise RuntimeError({_FAULT!r})"), pause=3600.0)
    wait_until(lambda: job.events("trying again"), job.told)
    job.machine.cancel(job.id)
    ended = job.ends()
    assert (ended["state"], ended["attempt"]) == (states.CANCELLED, 1), job.told()


@pytest.mark.fault("retries for causes of the machine alone")
@pytest.mark.parametrize("retries", [0, 2])
def test_there_is_an_end_to_tries_that_get_nowhere(here: Here, retries: int) -> None:
    job = here.job()
    job.start(path=here.program(f"row(1)\nraise RuntimeError({_FAULT!r})"), retries=retries, pause=0.0)
    ended = job.ends()
    assert (ended["state"], ended["reason"], ended["attempt"]) == (states.FAILED, "machine", retries + 1), job.told()
    assert _FAULT in ended["message"]


@pytest.mark.fault("retries for causes of the machine alone")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ValueError('the recipe does not fit')", "exit"),
        ("sys.exit(1)", "exit"),
        ("raise MemoryError", "exit"),
        ("os.kill(os.getpid(), 11)", "signal"),
        ("os.kill(os.getpid(), 9)", "signal"),
        (
            "(job / f'attempts/{attempt}/error.json').write_text('{\"kind\": \"OutOfMemoryError\"}')\nsys.exit(1)",
            "memory",
        ),
        ("(job / f'attempts/{attempt}/error.json').write_text('{\"kind\": \"Diverged\"}')\nsys.exit(1)", "diverged"),
        ("(job / f'attempts/{attempt}/error.json').write_text('{\"kind\": \"NoSpace\"}')\nsys.exit(1)", "full"),
        ("(job / f'attempts/{attempt}/error.json').write_text('{{{')\nsys.exit(1)", "exit"),
    ],
    ids=[
        "fault of the recipe",
        "code",
        "no word",
        "SIGSEGV",
        "SIGKILL",
        "memory",
        "diverged",
        "full",
        "unreadable word",
    ],
)
def test_what_another_try_would_meet_again_is_not_tried_again(here: Here, text: str, reason: str) -> None:
    job = here.job()
    job.start(path=here.program(text), retries=2)
    ended = job.ends()
    assert (ended["state"], ended["reason"], ended["attempt"]) == (states.FAILED, reason, 1), job.told()


def test_a_python_that_is_not_there_is_named(here: Here) -> None:
    job = here.job()
    job.start(python="/nowhere/bin/python3")
    ended = job.ends()
    assert (ended["state"], ended["reason"]) == (states.FAILED, "start")
    assert "/nowhere/bin/python3" in ended["message"]
    assert "No such file" in ended["message"]
