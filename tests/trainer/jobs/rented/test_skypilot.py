"""A machine of SkyPilot: its cluster brought up by `sky` with autostop, used by the alias that is written for it, taken down."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError
from tests.kullm_command import kullm
from tests.sky import Sky
from tests.sshd import Sshd
from trainer.jobs.rented import NotLet, renting
from trainer.jobs.rented.lease import lease_of

_SECONDS = 900.0
CLOUD = MachineSettings("cloud", launcher="skypilot", gpus="4xA100-80GB", options=("--infra", "hyperbolic"))


def _said(_words: str) -> None:
    pass


@pytest.fixture
def sky(container: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sky:
    """Its clusters are the container, known to ssh as the user's configuration would include it."""
    one = Sky(tmp_path, container)
    monkeypatch.setenv("PATH", f"{one.bin}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "en")
    container.configuration.write_text(f"Include {tmp_path}/.sky/generated/ssh/*\n")
    return one


def _env(sky: Sky, container: Sshd) -> Mapping[str, str]:
    return {**container.variables, "KULLM_LANG": "en", "PATH": f"{sky.bin}{os.pathsep}{container.variables['PATH']}"}


def test_a_training_on_a_cluster_brings_it_up_with_autostop_and_takes_it_down_when_its_adapter_is_here(
    sky: Sky, container: Sshd, home: Path
) -> None:
    env = _env(sky, container)
    add = ("machines", "add", "cloud", "--launcher", "skypilot", "--gpus", "cpu", "--python", sys.executable)
    added = kullm(home, *add, "--option=--infra", "--option=hyperbolic", env=env)
    assert added.returncode == 0, added.stderr
    assert "Hyperbolic (default) 4x-A100-80GB-32-256, $6.04/h" in added.stdout
    plan = kullm(home, "train", "tiny.toml", "--on", "cloud", "--plan", "--json", env=env)
    told = json.loads(plan.stdout)["dispatch"]
    assert (told["price_per_hour"], told["reached"]) == (6.04, False)
    assert told["hours_at_most"] >= 1
    assert sky.clusters == {}

    done = kullm(home, "train", "tiny.toml", "--on", "cloud", "--name", "far", "--yes", env=env, seconds=_SECONDS)
    assert done.returncode == 0, done.stderr
    [launch] = [words for words in sky.asked if words[0] == "launch" and "--dryrun" not in words]
    minutes = int(launch[launch.index("-i") + 1])
    assert minutes >= 60
    assert "--down" in launch
    assert launch[launch.index("--wait-for") + 1] == "none"
    assert launch[-2:] == ["--infra", "hyperbolic"]
    assert sky.clusters == {}
    assert "given back" in done.stderr
    adapter = json.loads(kullm(home, "adapters", "list", "--json").stdout)
    assert (adapter["name"], adapter["card"]["machine"]) == ("far", "cloud")


def test_cards_that_no_cloud_lets_are_refused_with_its_words(sky: Sky) -> None:
    assert renting.offer(CLOUD).price_per_hour == 6.04
    with pytest.raises(NotLet, match="Catalog does not contain"):
        renting.offer(MachineSettings("cloud", launcher="skypilot", gpus="3xA100-80GB"))
    assert sky.clusters == {}


def test_a_launch_that_failed_and_left_something_stays_in_sight_until_it_is_down(sky: Sky) -> None:
    sky.change(fails="terminating failed", leaves=True)
    with pytest.raises(KullmError, match=r"terminating failed.*kullm machines down cloud"):
        renting.up(CLOUD, 2.0, _said)
    assert len(sky.clusters) == 1
    with pytest.raises(KullmError, match="terminating failed"):
        renting.down("cloud")
    assert lease_of("cloud") is not None
    sky.change(fails="")
    renting.down("cloud")
    assert sky.clusters == {}
    assert lease_of("cloud") is None


def test_a_launch_that_failed_and_left_nothing_rents_nothing(sky: Sky) -> None:
    sky.change(fails="no capacity")
    with pytest.raises(NotLet, match="no capacity"):
        renting.up(CLOUD, 2.0, _said)
    assert lease_of("cloud") is None


def test_a_cluster_is_brought_up_once_and_its_end_by_autostop_is_seen(sky: Sky) -> None:
    lease = renting.up(CLOUD, 2.0, _said)
    assert renting.up(CLOUD, 2.0, _said) == lease
    assert list(sky.clusters) == [lease.id]
    standing = renting.standing_of(lease)
    assert (standing.stage, standing.ssh) == ("up", lease.id)
    sky.change(clusters={})
    assert renting.standing_of(lease).stage == "gone"
    assert lease_of("cloud") is None


def test_without_the_program_it_is_told_how_to_have_it(sky: Sky, monkeypatch: pytest.MonkeyPatch) -> None:
    (sky.bin / "sky").unlink()
    monkeypatch.setenv("PATH", str(sky.bin))
    with pytest.raises(NotLet, match="pip install skypilot"):
        renting.offer(CLOUD)
