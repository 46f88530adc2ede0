"""Jobs that wait on the machine for cards that nobody uses: their order, their places, why they wait, and what may be done meanwhile."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.language import speaking
from tests.nvidia_smi import Smi, put_on_path
from tests.trainer.jobs.here import Here, Job, wait_until
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.client import JobRefused
from trainer.jobs.text import queue_text

_WORKS = "row(1, cards=os.environ['CUDA_VISIBLE_DEVICES'])\nwhile not (job / 'go').exists(): time.sleep(0.02)"


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smi:
    return put_on_path(tmp_path / "bin", 2, monkeypatch)


@pytest.fixture
def foreign() -> Iterator[int]:
    """Somebody's process, by its number."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def queued(here: Here, cards: int, name: str = "") -> Job:
    job = here.job(name=name or str(cards))
    job.start(path=here.program(_WORKS), gpus=cards, queue=True)
    return job


def waits(waiting: Job, /, **facts: Any) -> dict[str, Any]:
    def as_wanted() -> bool:
        queue = waiting.state.get("queue") or {}
        return all(queue.get(name) == value for name, value in facts.items())

    wait_until(as_wanted, waiting.told)
    assert waiting.state["state"] == states.QUEUED, waiting.told()
    return dict(waiting.state["queue"])


def cards_of(job: Job) -> str:
    job.reaches(1)
    return str(job.machine.show(job.id)["last"]["cards"])


def ends(job: Job) -> None:
    (job.directory.path / "go").touch()
    assert job.ends()["state"] == states.SUCCEEDED, job.told()


@pytest.mark.fault("three jobs, two GPUs, a foreign process")
def test_three_jobs_on_two_cards_of_which_a_stranger_has_one(here: Here, smi: Smi, foreign: int) -> None:
    smi.says((0, foreign, 40_000))
    first = queued(here, 1)
    assert cards_of(first) == smi.uuid(1)

    second = queued(here, 2)
    me = pwd.getpwuid(os.getuid()).pw_name
    told = waits(second, place=1, why="cards", wanted=2, free=0, cards=2)
    assert told["on"][0] == {"card": 0, "mib": 40_004, "who": [[me, foreign, 40_000]]}
    with speaking("en"):
        assert f"{me} pid {foreign} 39.1 GB" in queue_text(told)
    third = queued(here, 1)
    waits(third, place=2, why="behind", job=second.id)
    assert here.client.list()["queue"] == [second.id, third.id]

    smi.says()  # the stranger's card is free: still one too few for the second, and it is the second's turn
    waits(second, why="cards", free=1)
    waits(third, place=2, why="behind")
    here.client.hold(second.id, held=True)
    waits(second, place=1, why="held")
    assert cards_of(third) == smi.uuid(0)
    ends(first)
    ends(third)
    waits(second, why="held")
    here.client.hold(second.id, held=False)
    assert cards_of(second) == f"{smi.uuid(0)},{smi.uuid(1)}"
    ends(second)
    assert here.client.list()["queue"] == []


@pytest.mark.fault("three jobs, two GPUs, a foreign process")
def test_a_waiting_job_is_moved_and_cancelled(here: Here, smi: Smi, foreign: int) -> None:
    smi.says((0, foreign, 1500), (1, foreign, 1500))
    first, second, third = queued(here, 2), queued(here, 1), queued(here, 1)
    waits(third, place=3, why="behind", job=first.id)
    assert here.client.move(third.id, 1) == [third.id, first.id, second.id]
    waits(third, place=1, why="cards")
    waits(second, place=3, why="behind", job=third.id)
    here.client.cancel(first.id)
    assert (first.ends()["state"], first.state["attempt"]) == (states.CANCELLED, 0)
    waits(second, place=2)
    smi.says((1, foreign, 1500))
    assert cards_of(third) == smi.uuid(0)
    waits(second, place=1, why="cards")
    with pytest.raises(JobRefused, match="not waiting|기다리고"):
        here.client.move(third.id, 1)
    ends(third)
    ends(second)


@pytest.mark.fault("three jobs, two GPUs, a foreign process")
def test_a_supervisor_killed_in_the_queue_leaves_its_place(here: Here, smi: Smi, foreign: int) -> None:
    smi.says((0, foreign, 1500), (1, foreign, 1500))
    first, second = queued(here, 1), queued(here, 1)
    waits(second, place=2)
    os.kill(first.supervisor(), 9)
    waits(second, place=1, why="cards")
    assert first.asked()["state"] == states.LOST
    smi.says()
    ends(second)


@pytest.mark.fault("nvidia-smi absent, failing, hanging; others on the cards")
def test_while_nvidia_smi_hangs_the_order_can_be_changed_and_jobs_can_be_cancelled(here: Here, smi: Smi) -> None:
    smi.becomes("hangs")
    first = queued(here, 1)
    wait_until(smi.hanging)
    second = queued(here, 1)
    waits(second, place=2, why="behind", job=first.id)
    assert any(moved_meanwhile(here, smi, second, place) for place in (2, 1) * 3)
    here.client.move(second.id, 1)
    here.client.cancel(first.id)
    assert first.ends()["state"] == states.CANCELLED
    smi.recovers()
    ends(second)


def moved_meanwhile(here: Here, smi: Smi, job: Job, place: int) -> bool:
    """Whether one nvidia-smi hung all the time that it took: nobody's turn waited for its end."""
    wait_until(smi.hanging)
    before = smi.hanging()
    here.client.move(job.id, place)
    return before == smi.hanging() != 0
