"""Jobs on this machine in a home of the test's own: the real agent with its real supervisor, asked through the real client.

What the supervisor runs is the real trainer over a tiny model or, where the trainer's arithmetic does not matter, a program in its place
that is a few lines long: `python -P -m trainer FOLDER` finds it first.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from trainer.jobs.agent import states
from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import document
from trainer.jobs.agent.files import rows as read_rows
from trainer.jobs.agent.processes import tagged
from trainer.jobs.client import Client
from trainer.jobs.registry import new_id
from trainer.jobs.transports.local import LocalTransport
from trainer.recipe import Recipe, load_recipe, recipe_dict

SECONDS = 240.0
_HEAD = """
import json, os, sys, time
from pathlib import Path

job, attempt = Path(sys.argv[1]), int(os.environ["KULLM_ATTEMPT"])


def row(step, **more):
    with (job / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "loss": 1.0, **more}) + "\\n")


"""


@dataclass(frozen=True)
class Job:
    """A job there, with what a test asks about it."""

    machine: Client
    directory: JobDirectory

    @property
    def id(self) -> str:
        return self.directory.id

    @property
    def state(self) -> dict[str, Any]:
        """What its supervisor wrote last, with nobody asked."""
        return document(self.directory.state)

    @property
    def step(self) -> int:
        return max((int(row["step"]) for row in read_rows(self.directory.metrics)), default=0)

    def events(self, name: str = "") -> list[dict[str, Any]]:
        return [row for row in read_rows(self.directory.events) if name in ("", row["event"])]

    def start(self, secrets: Mapping[str, str] | None = None, **launch: Any) -> dict[str, Any]:
        """The next start. On the processor and with nobody told, where nothing else is said."""
        number = int(document(self.directory.launch).get("start") or 0) + 1
        return self.machine.start(self.id, {"start": number, "python": sys.executable, **launch}, secrets)

    def asked(self) -> dict[str, Any]:
        """Its state as the machine's agent finds it."""
        return dict(self.machine.show(self.id)["state"])

    def reaches(self, step: int) -> None:
        wait_until(lambda: self.step >= step or states.is_terminal(self.state), self.told)
        assert self.step >= step, self.told()

    def turns(self, *wanted: str) -> dict[str, Any]:
        """Its state as soon as it is one of these; another last state is a failure."""
        wait_until(lambda: self.state.get("state") in wanted or states.is_terminal(self.state), self.told)
        assert self.state["state"] in wanted, self.told()
        return self.state

    def ends(self) -> dict[str, Any]:
        """Its last state, and its supervisor gone."""
        wait_until(lambda: states.is_terminal(self.state), self.told)
        return self.state

    def processes(self) -> list[int]:
        return tagged(self.id)

    def trainer(self) -> int:
        return int(self.state["trainer"]["pid"])

    def supervisor(self) -> int:
        return int(self.state["supervisor"]["pid"])

    def told(self) -> str:
        """All that there is to say when something else came than was waited for."""
        logs = sorted((self.directory.path / "logs").glob("*.log"))
        ends = [f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs]
        return "\n".join([str(self.state), str(self.events()), *ends])


class Here:
    """This machine, its folder being the test's home."""

    def __init__(self, root: Path, client: Client) -> None:
        self.root, self.client = root, client

    def job(self, recipe: Recipe | None = None, **spec: Any) -> Job:
        """Staged, with a recipe where the real trainer is to run."""
        known: dict[str, Any] = {"schema": SCHEMA, "language": "en", "name": "first", **spec}
        if recipe is not None:
            known |= {"recipe": recipe_dict(recipe), "digest": recipe.digest}
        place = self.client.stage(name := new_id(), known)
        assert place.endswith(name)
        return Job(self.client, JobDirectory(Path(place)))

    def program(self, text: str) -> list[str]:
        """In the trainer's place, as a launch's `path`. It has `job`, `attempt` and `row(step)`."""
        number = len(list((self.root / "programs").glob("*")))
        folder = self.root / "programs" / str(number) / "trainer"
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "__main__.py").write_text(_HEAD + text, encoding="utf-8")
        return [str(folder.parent)]

    def recipe(self, name: str, **training: Any) -> Recipe:
        """`tiny` or `long`, as they lie in the home."""
        recipe = load_recipe(str(self.root / f"{name}.toml"))
        return replace(recipe, train=replace(recipe.train, **training))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    return Here(tmp_path, Client("", LocalTransport()))


def wait_until(condition: Callable[[], Any], told: Callable[[], str] = str, *, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)
