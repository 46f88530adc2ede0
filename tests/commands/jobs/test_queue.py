"""Jobs that wait in a machine's queue: their places and reasons in the list, and what a person may change about them."""

import json
from pathlib import Path
from typing import Any

from tests.commands.jobs.box import jobs, listed
from tests.trainer.jobs.elsewhere import dispatched, wait_for
from trainer.jobs.spec import spec_of
from trainer.recipe import load_recipe


def _sent(home: Path, name: str) -> str:
    """A machine without cards has one processor to wait for."""
    spec = spec_of(load_recipe(str(home / "long.toml")), ["train"], name=name)
    return dispatched(home, home / "box", spec, queue=True).id


def _rows(home: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in listed(home)}


def _is(home: Path, name: str, state: str, **queue: Any) -> bool:
    row = _rows(home)[name]
    return row["state"] == state and all((row["queue"] or {}).get(key) == value for key, value in queue.items())


def test_waiting_jobs_say_their_place_and_why_and_may_be_moved_held_and_released(home: Path) -> None:
    _sent(home, "first")
    wait_for(lambda: _is(home, "first", "RUNNING"))
    for name in ("second", "third"):
        _sent(home, name)
        wait_for(lambda name=name: _is(home, name, "QUEUED"))  # type: ignore[misc]
    wait_for(lambda: _is(home, "second", "QUEUED", place=1, why="busy"))
    wait_for(lambda: _is(home, "third", "QUEUED", place=2, why="behind"))
    assert "대기 2번째" in jobs(home, "list").stdout
    moved = jobs(home, "move", "third", "1", "--json")
    assert "1번째" in moved.stderr
    assert json.loads(moved.stdout)["name"] == "third"
    assert jobs(home, "hold", "second").returncode == 0
    wait_for(lambda: _is(home, "third", "QUEUED", place=1, why="busy"))
    wait_for(lambda: _is(home, "second", "QUEUED", place=2, why="held"))
    assert jobs(home, "cancel", "first", "--now").returncode == 0
    wait_for(lambda: _is(home, "third", "RUNNING"))
    assert jobs(home, "move", "third", "1").returncode == 1
    assert jobs(home, "cancel", "third", "--now").returncode == 0
    assert _is(home, "second", "QUEUED", why="held")
    assert jobs(home, "release", "second").returncode == 0
    wait_for(lambda: _is(home, "second", "RUNNING"))
    assert jobs(home, "cancel", "second", "--now").returncode == 0
    assert {row["state"] for row in _rows(home).values()} == {"CANCELLED"}
