"""The paper in small, as somebody would live through it: `kullm paper --scale demo` killed ten times, and trained on another computer while dead."""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kullm_command import kullm, start
from tests.sshd import ALIAS, sshd
from tests.studies.killing import kill, kill_at_random
from tests.studies.small import small_study
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, rows

_DEMO = ("paper", "--scale", "demo")
_KILLS = 10
_HOURS = 3 * 3600.0  # on a machine with much else to do
_SECONDS = 1800.0


def _study(home: Path, name: str) -> Path:
    return home / "studies" / name


def _numbers(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_study(home, "demo") / "report" / "numbers.json").read_text(encoding="utf-8"))
    return found


def _files(home: Path) -> dict[str, int]:
    """When each was written; the lock is taken each time."""
    folder = _study(home, "demo")
    return {str(one): one.stat().st_mtime_ns for one in folder.rglob("*") if one.is_file() and one.name != "study.lock"}


def _jobs(folder: Path) -> list[JobDirectory]:
    return [JobDirectory(spec.parent) for spec in sorted(folder.glob("*/spec.json"))]


def _wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_killed_ten_times_the_demo_ends_as_if_undisturbed_and_then_does_nothing(tmp_path: Path) -> None:
    """The kills are spread over the whole of it: ten lives last about as long as the undisturbed one."""
    calm, harried = tmp_path / "calm", tmp_path / "harried"
    calm.mkdir()
    harried.mkdir()
    begun = time.monotonic()
    done = kullm(calm, *_DEMO, seconds=_HOURS)
    took = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    print(f"undisturbed: {took / 60:.1f} minutes", *_numbers(calm)["graders"][0]["table"], sep="\n")

    killed = kill_at_random(harried, _DEMO, kills=_KILLS, longest=2 * took / (_KILLS + 1))
    print(killed)
    done = kullm(harried, *_DEMO, seconds=_HOURS)
    assert done.returncode == 0, f"{killed}: {done.stderr}"
    assert _numbers(harried) == _numbers(calm), killed

    report = _study(harried, "demo") / "report"
    assert {one.name for one in report.iterdir()} == {"figure-1.svg", "numbers.json", "report.html", "report.md", "tables.tex"}  # fmt: skip
    assert "| polite-short |" in (report / "report.md").read_text(encoding="utf-8")
    _does_nothing_more(harried)


def _does_nothing_more(home: Path) -> None:
    files, jobs = _files(home), sorted((home / "jobs").iterdir())
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    again = kullm(home, *_DEMO, "--json", seconds=_SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"once more: {time.monotonic() - begun:.1f} s by the clock, {spent:.1f} s of processor")

    assert again.returncode == 0, again.stderr
    assert "$ kullm" not in again.stderr
    assert (_files(home), sorted((home / "jobs").iterdir())) == (files, jobs)
    plan = json.loads(kullm(home, *_DEMO, "--plan", "--json").stdout)
    assert all(stage["done"] for stage in plan["stages"])
    assert plan["bill"]["items"] == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_what_a_machine_went_on_training_while_the_study_was_dead_is_fetched_and_not_trained_again(
    tmp_path: Path,
) -> None:
    home = tmp_path / "laptop"
    home.mkdir()
    with sshd(tmp_path / "sshd") as box:
        env = dict(box.variables)
        added = kullm(home, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env)
        assert added.returncode == 0, added.stderr
        study = ("paper", "--study", str(small_study(home)), "--on", "box")
        jobs = box.home / ".kullm" / "jobs"

        running = start(home, *study, env=env)
        _wait_until(lambda: [one for one in _jobs(jobs) if document(one.state).get("start")])
        kill(running, with_what_it_began=True)
        (first,) = _jobs(jobs)
        _wait_until(lambda: states.is_terminal(document(first.state)))
        assert document(first.state)["state"] == states.SUCCEEDED
        assert not list((home / "adapters").glob("*"))

        done = kullm(home, *study, env=env, seconds=_SECONDS)
        assert done.returncode == 0, done.stderr
        there = _jobs(jobs)
        assert len(there) == 2
        assert [[row["event"] for row in rows(one.events)].count("started") for one in there] == [1, 1]
        told = (_study(home, "small") / "report" / "report.md").read_text(encoding="utf-8")
        assert "| long | box |" in told
        assert "| both | box |" in told
