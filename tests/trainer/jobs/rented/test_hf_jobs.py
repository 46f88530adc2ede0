"""A machine of Hugging Face Jobs: rented once, at a price that somebody agreed to, used as any machine behind ssh, given back."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kullm_tui.core.config.edit import put_row
from kullm_tui.core.config.settings import MachineSettings, load_config
from kullm_tui.core.errors import HubError, KullmError, UsageError
from tests.jobs_server import TOKEN, Jobs
from tests.kullm_command import kullm
from tests.sshd import Sshd
from trainer.jobs.agent import states
from trainer.jobs.agent.files import document
from trainer.jobs.machines import client_of
from trainer.jobs.rented import renting
from trainer.jobs.rented.hf_faults import NotLet
from trainer.jobs.rented.lease import lease_of
from trainer.jobs.rented.nowhere import NotUp

_SECONDS = 900.0
CLOUD = MachineSettings("cloud", launcher="hf-jobs", flavor="cpu-basic", python=sys.executable)


def _said(_words: str) -> None:
    pass


@pytest.fixture(autouse=True)
def _laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))


def _env(hub: Jobs, container: Sshd) -> Mapping[str, str]:
    return {**container.variables, "KULLM_LANG": "en", "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}


def _add(home: Path, env: Mapping[str, str]) -> None:
    add = ("machines", "add", "cloud", "--launcher", "hf-jobs", "--flavor", "cpu-basic", "--python", sys.executable)
    added = kullm(home, *add, env=env)
    assert added.returncode == 0, added.stderr
    assert "cpu-basic: CPU Basic, 2 vCPU, 16 GB, $0.01/h" in added.stdout


def test_a_training_rents_a_container_once_its_price_is_agreed_to_and_gives_it_back_when_its_adapter_is_here(
    hub: Jobs, container: Sshd, home: Path
) -> None:
    env = _env(hub, container)
    _add(home, env)
    plan = kullm(home, "train", "tiny.toml", "--on", "cloud", "--plan", env=env)
    assert plan.returncode == 0, plan.stderr
    assert "$0.01/h, given back after" in plan.stdout
    refused = kullm(home, "train", "tiny.toml", "--on", "cloud", env=env)
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    assert hub.jobs == {}

    done = kullm(home, "train", "tiny.toml", "--on", "cloud", "--name", "far", "--yes", env=env, seconds=_SECONDS)
    assert done.returncode == 0, done.stderr
    [job] = hub.jobs.values()
    assert job.stage == "CANCELED"
    assert job.spec["timeoutSeconds"] >= 3600
    assert (job.spec["flavor"], job.spec["ssh"]) == ("cpu-basic", {"enabled": True})
    assert TOKEN not in json.dumps(job.spec)
    assert "cloud: up for" in done.stderr
    assert "cloud was given back and costs nothing any more" in done.stderr
    adapter = json.loads(kullm(home, "adapters", "list", "--json").stdout)
    assert (adapter["name"], adapter["card"]["machine"]) == ("far", "cloud")
    assert lease_of("cloud") is None
    listed = json.loads(kullm(home, "machines", "list", "--json", env=env).stdout)
    assert listed["rented"] is None
