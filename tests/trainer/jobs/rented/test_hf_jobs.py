"""A machine of Hugging Face Jobs: rented once, at a price that somebody agreed to, used as any machine behind ssh, given back."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from kullm_tui.core.config.edit import put_row
from kullm_tui.core.config.settings import MachineSettings, load_config
from kullm_tui.core.errors import ConfigError, HubError, KullmError, UsageError
from tests.jobs_server import TOKEN, Jobs
from tests.kullm_command import COMMAND, environment, kullm
from tests.sshd import Sshd
from tests.trainer.jobs.elsewhere import wait_for
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import document, private_dir, publish, rows
from trainer.jobs.machines import client_of
from trainer.jobs.registry import directory_of, known_job, new_id, put_down
from trainer.jobs.rented import NotLet, renting, saving
from trainer.jobs.rented.lease import lease_of
from trainer.jobs.rented.nowhere import NotUp

_SECONDS = 900.0
CLOUD = MachineSettings("cloud", launcher="hf-jobs", flavor="cpu-basic", python=sys.executable)


def _said(_words: str) -> None:
    pass


@pytest.fixture(autouse=True)
def _laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "en")


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


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ((401, "Invalid credentials"), "keys set HF_TOKEN"),
        ((402, "Pre-paid credit balance is insufficient"), "/settings/billing"),
        ((403, "Missing permission job.write"), "Missing permission job.write"),
        ((429, "Too many requests"), "in a minute"),
        ((400, "Unknown flavor"), "Unknown flavor"),
    ],
)
def test_what_the_hub_refuses_is_told_with_the_next_step_and_nothing_is_rented(
    hub: Jobs, fault: tuple[int, str], words: str
) -> None:
    hub.faults.begin = fault
    with pytest.raises(NotLet, match=words):
        renting.up(CLOUD, 2.0, _said)
    assert lease_of("cloud") is None
    assert hub.jobs == {}


def test_without_a_token_nothing_is_asked_and_its_place_is_told(hub: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    with pytest.raises(KullmError, match="keys set HF_TOKEN"):
        renting.up(CLOUD, 2.0, _said)
    assert hub.jobs == {}
    assert lease_of("cloud") is None


def test_a_flavor_that_is_not_let_is_answered_with_all_that_are_and_their_prices(hub: Jobs) -> None:
    assert renting.offer(CLOUD).price_per_hour == 0.01
    with pytest.raises(UsageError, match=r"(?s)a100x4\?.*a100x4: 4x Nvidia A100 - large.*\$10/h"):
        renting.offer(MachineSettings("cloud", launcher="hf-jobs", flavor="a100x5"))
    settings = MachineSettings("cloud", launcher="hf-jobs", flavor="a100x4")
    found = renting.offered(settings, renting.offer(settings))
    assert (found.gpus, found.price_per_hour) == ("4xA100-80GB", 10.0)
    assert hub.jobs == {}


@pytest.mark.usefixtures("container")
def test_a_machine_whose_answer_was_lost_is_found_again_and_not_rented_twice(hub: Jobs) -> None:
    hub.faults.loses_answers = 1
    with pytest.raises(HubError):
        renting.up(CLOUD, 2.0, _said)
    assert lease_of("cloud") is not None
    assert len(hub.running) == 1
    lease = renting.ready(renting.up(CLOUD, 2.0, _said), lambda: client_of(CLOUD), _said)
    assert len(hub.jobs) == 1
    assert lease.ssh.endswith("@ssh.hf.jobs")
    assert abs(lease.latest - lease.asked - 2 * 3600) < 600
    assert renting.up(CLOUD, 2.0, _said).id == lease.id
    renting.down("cloud")
    assert hub.running == []
    with pytest.raises(NotUp):
        client_of(CLOUD).hello()


def test_one_whose_answer_was_lost_stays_in_sight_when_it_is_asked_for_too_often(hub: Jobs) -> None:
    hub.faults.loses_answers, hub.faults.introductions = 1, 2
    with pytest.raises(HubError):
        renting.up(CLOUD, 2.0, _said)
    with pytest.raises(NotLet, match="in a minute"):
        renting.up(CLOUD, 2.0, _said)
    assert len(hub.running) == 1
    assert lease_of("cloud") is not None


def test_one_whose_answer_was_lost_can_be_given_back_at_once(hub: Jobs) -> None:
    hub.faults.loses_answers = 1
    with pytest.raises(HubError):
        renting.up(CLOUD, 2.0, _said)
    renting.down("cloud")
    assert hub.running == []
    assert lease_of("cloud") is None


def test_a_container_that_ends_before_it_is_up_says_why_and_costs_nothing(hub: Jobs) -> None:
    hub.faults.first_stage = "SCHEDULING"
    lease = renting.up(CLOUD, 2.0, _said)
    [job] = hub.jobs.values()

    def ends(words: str) -> None:
        assert "cloud" in words
        job.stage, job.message = "ERROR", "ImagePullBackOff"

    with pytest.raises(KullmError, match="ImagePullBackOff"):
        renting.ready(lease, lambda: client_of(CLOUD), ends)
    assert lease_of("cloud") is None


@pytest.mark.parametrize(("python", "words"), [("/nowhere/python", "/nowhere/python"), ("python3", "/settings/keys")])
def test_a_machine_on_which_nothing_can_start_is_given_back_at_once(
    hub: Jobs, container: Sshd, home: Path, python: str, words: str
) -> None:
    env = _env(hub, container)
    put_row("machines", {"name": "cloud", "launcher": "hf-jobs", "flavor": "cpu-basic", "python": python})
    if python == "python3":
        (container.folder / "authorized_keys").write_text("")  # as where the user's key was never registered
    done = kullm(home, "train", "tiny.toml", "--on", "cloud", "--yes", env=env)
    assert done.returncode == 1
    assert words in done.stderr
    assert "was given back" in done.stderr
    assert [job.stage for job in hub.jobs.values()] == ["CANCELED"]
    assert not (home / "jobs").exists() or not list((home / "jobs").iterdir())


def test_only_a_machine_that_is_rented_needs_no_address() -> None:
    put_row("machines", {"name": "cloud", "launcher": "hf-jobs", "flavor": "a100x4", "hours": 12.0})
    with pytest.raises(ConfigError, match=r"machines\[2\]\.ssh"):
        put_row("machines", {"name": "lab"})
    assert [machine.name for machine in load_config().machines] == ["cloud"]


def test_the_check_says_what_it_would_cost_and_whether_the_hub_takes_the_token(hub: Jobs, home: Path) -> None:
    put_row("machines", {"name": "cloud", "launcher": "hf-jobs", "flavor": "a100x4"})
    env = {"KULLM_LANG": "en", "HF_ENDPOINT": hub.url}
    good = kullm(home, "machines", "check", "cloud", env={**env, "HF_TOKEN": TOKEN})
    assert good.returncode == 0, good.stderr
    assert "$10/h" in good.stdout
    assert "me pays" in good.stdout
    bad = kullm(home, "machines", "check", "cloud", env={**env, "HF_TOKEN": "hf_of_somebody_else"})
    assert bad.returncode == 1
    assert "keys set HF_TOKEN" in bad.stdout
    assert hub.jobs == {}


def test_a_hub_that_is_asked_too_often_while_a_container_starts_is_asked_again(hub: Jobs, container: Sshd) -> None:
    lease = renting.up(CLOUD, 2.0, _said)
    hub.faults.state = (429, "Too many requests")

    def recovers(_words: str) -> None:
        hub.faults.state = None

    assert renting.ready(lease, lambda: client_of(CLOUD), recovers).ssh
    assert (container.home / ".kullm" / "agent").is_dir()


@pytest.mark.usefixtures("hub")
def test_an_address_that_would_be_an_option_of_ssh_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "-oProxyCommand=x")
    lease = renting.up(CLOUD, 2.0, _said)
    with pytest.raises(HubError):
        renting.standing_of(lease)
    assert (held := lease_of("cloud")) is not None
    assert held.ssh == ""


def test_an_adapter_that_was_not_fetched_is_named_before_its_machine_goes_and_said_to_be_gone_after(
    hub: Jobs, home: Path
) -> None:
    lease = renting.up(CLOUD, 2.0, _said)
    job = JobDirectory(private_dir(directory_of(new_id()).path))
    put_down(job, machine="cloud", lease=lease.facts())
    publish(job.spec, {"schema": SCHEMA, "name": "done", "recipe": {"name": "tiny"}})
    publish(job.state, {"state": states.SUCCEEDED, "start": 1})
    put_row("machines", {"name": "cloud", "launcher": "hf-jobs", "flavor": "cpu-basic"})
    env = {"KULLM_LANG": "en", "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
    refused = kullm(home, "machines", "down", "cloud", env=env)
    assert refused.returncode == 2
    assert f"done ({job.id})" in refused.stderr
    assert len(hub.running) == 1
    assert kullm(home, "machines", "down", "cloud", "--yes", env=env).returncode == 0
    fetched = kullm(home, "jobs", "fetch", "done", env=env)
    assert fetched.returncode == 1
    assert "gone with its rented machine" in fetched.stderr


def test_a_hub_that_does_not_answer_leaves_a_machine_that_may_still_cost_in_the_list(hub: Jobs, home: Path) -> None:
    renting.standing_of(renting.up(CLOUD, 2.0, _said))
    put_row("machines", {"name": "cloud", "launcher": "hf-jobs", "flavor": "cpu-basic"})
    hub.faults.state = (503, "down")
    env = {"KULLM_LANG": "en", "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
    listed = kullm(home, "machines", "list", env=env)
    assert listed.returncode == 0
    assert "up for" in listed.stdout
    assert "HTTP 503" in listed.stderr
    assert kullm(home, "machines", "remove", "cloud", env=env).returncode == 2
    assert kullm(home, "machines", "down", "cloud", env=env).returncode == 1
    assert lease_of("cloud") is not None
    hub.faults.state = None
    assert kullm(home, "machines", "down", "cloud", env=env).returncode == 0
    assert hub.running == []


def test_a_job_is_lost_with_its_machine_says_so_to_its_follower_and_goes_on_on_the_next(
    hub: Jobs, container: Sshd, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = _env(hub, container)
    _add(home, env)
    up = kullm(home, "machines", "up", "cloud", "--hours", "3", "--yes", env=env)
    assert up.returncode == 0, up.stderr
    seldom = ("--set", "train.save_every=10", "--set", "train.keep=100")
    begun = kullm(home, "train", "long.toml", *seldom, "--on", "cloud", "--detach", "--name", "night", "--yes", env=env)
    assert begun.returncode == 0, begun.stderr
    assert "what is not fetched by then" in begun.stderr
    kept = kullm(home, "machines", "down", "cloud", env=env)
    assert kept.returncode == 2
    assert "night" in kept.stderr
    assert len(hub.running) == 1

    here = home / "jobs" / begun.stdout.strip()
    follower = subprocess.Popen(
        [*COMMAND, "jobs", "follow", "night"],
        env=environment(home, **env),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    monkeypatch.setattr(saving, "_PAUSE_SECONDS", 0.2)
    with saving.checkpoints_saved(known_job("night"), client_of(CLOUD)):
        wait_for(lambda: (here / "metrics.jsonl").exists() and JobDirectory(here).complete_steps())
    _dies(container)
    [job] = hub.jobs.values()
    job.stage, job.message = "ERROR", "Job timeout"
    assert "its rented machine is gone (Job timeout)" in follower.communicate(timeout=_SECONDS)[1]
    assert follower.returncode == 1
    row = json.loads(kullm(home, "jobs", "list", "--json", env=env).stdout)
    assert (row["state"], row["reason"]) == (states.LOST, "rented")
    shown = kullm(home, "jobs", "show", "night", env=env)
    assert "its rented machine is gone (Job timeout)" in shown.stdout
    assert lease_of("cloud") is None
    _goes_on(home, container, env, JobDirectory(here))
    assert [job.stage for job in hub.jobs.values()] == ["ERROR", "CANCELED"]


def _goes_on(home: Path, container: Sshd, env: Mapping[str, str], here: JobDirectory) -> None:
    """On the next machine, from the checkpoint that was here, with its history."""
    [step] = here.complete_steps()
    (container.home / ".kullm").rename(container.home / "gone")
    container.configure()
    early = kullm(home, "train", "--resume", "night", "--detach", env=env)
    assert early.returncode == 1
    assert "kullm machines up cloud" in early.stderr
    assert document(here.state)["state"] == states.LOST
    assert kullm(home, "machines", "up", "cloud", "--hours", "1", "--yes", env=env).returncode == 0
    history = [row["step"] for row in rows(here.metrics)]
    again = kullm(home, "train", "--resume", "night", "--detach", env=env, seconds=_SECONDS)
    assert again.returncode == 0, again.stderr
    there = JobDirectory(container.home / ".kullm" / "jobs" / here.id)
    wait_for(lambda: len(list(rows(there.metrics))) > len(history))
    steps = [row["step"] for row in rows(there.metrics)]
    assert steps[: len(history)] == history
    assert steps[len(history)] == step + 1
    assert document(there.state)["start"] == 2
    assert kullm(home, "jobs", "cancel", "night", "--now", env=env).returncode == 0
    assert kullm(home, "machines", "down", "cloud", env=env).returncode == 0


def _dies(container: Sshd) -> None:
    """What runs in it, and the way to it."""
    container.configure(1)
    inside = f"HOME={container.home}".encode()
    for place in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if inside in place.read_bytes().split(b"\0"):
                os.kill(int(place.parent.name), signal.SIGKILL)


def test_a_machine_that_was_rented_again_says_nothing_of_an_earlier_ones_job(
    hub: Jobs, container: Sshd, home: Path
) -> None:
    env = _env(hub, container)
    _add(home, env)
    begun = kullm(home, "train", "long.toml", "--on", "cloud", "--detach", "--name", "old", "--yes", env=env)
    assert begun.returncode == 0, begun.stderr
    client = client_of(CLOUD)
    client.cancel(begun.stdout.strip(), grace=0.0)
    [first] = hub.jobs.values()
    first.stage = "COMPLETED"
    (container.home / ".kullm" / "jobs").rename(container.home / "gone")
    assert kullm(home, "machines", "up", "cloud", "--hours", "1", "--yes", env=env).returncode == 0
    assert len(hub.running) == 1
    row = json.loads(kullm(home, "jobs", "list", "--json", env=env).stdout)
    assert (row["state"], row["reason"]) == (states.LOST, "rented")
    assert lease_of("cloud") is not None
    assert kullm(home, "machines", "down", "cloud", env=env).returncode == 0
