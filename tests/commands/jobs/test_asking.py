"""How often ctrl-c came, passed on to the job each time, also while the last one is still on its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.jobs.follow import Asked, Follower
from tests.trainer.jobs.elsewhere import make_job, set_state
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.client import Client
from trainer.jobs.registry import known_job
from trainer.jobs.transports.local import LocalTransport


@dataclass(frozen=True, kw_only=True)
class BusyTransport(LocalTransport):
    """Ctrl-c comes once more while the first is passed on; the second ends the job."""

    job: JobDirectory
    asked: Asked
    graces: list[float] = field(default_factory=list)

    def call(self, verb: str, question: Mapping[str, Any]) -> dict[str, Any]:
        if verb == "cancel":
            self.graces.append(question["grace"])
            self.asked() if len(self.graces) == 1 else set_state(self.job, "CANCELLED")
        return {"state": {}, "jobs": []}


def test_a_second_ctrl_c_while_the_first_is_passed_on_is_passed_on_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    job, asked = make_job(tmp_path), Asked()
    set_state(job, "RUNNING")
    transport = BusyTransport(folder=tmp_path, job=job, asked=asked)
    follower = Follower(known_job(job.path.name), Client("", transport), Narration())
    asked()
    state = follower.until_it_ends(1, asked)
    assert state["state"] == "CANCELLED"
    assert len(transport.graces) == 2
    assert transport.graces[0] > transport.graces[1] == 0.0
