"""A job on another machine, from this one: seen, followed, fetched, cancelled, gone on with, adopted, removed."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

from tests.commands.jobs.box import begin, jobs, listed
from tests.kullm_command import kullm
from tests.trainer.jobs.elsewhere import dispatched, same, wait_for
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document
from trainer.jobs.spec import spec_of
from trainer.recipe import load_recipe


def _spec(home: Path, recipe: str, name: str) -> dict[str, Any]:
    spec = spec_of(load_recipe(str(home / recipe)), ["train"], name=name)
    return {
        **spec,
        "machine": {"name": "box", "hardware": "4xA100-80GB", "price_per_hour": 360.0},
        "base": "as-it-is-here",
    }


def _sent(home: Path, recipe: str = "tiny.toml", name: str = "far") -> tuple[JobDirectory, JobDirectory]:
    """Here, and there."""
    job = dispatched(home, home / "box", _spec(home, recipe, name))
    return job, JobDirectory(home / "box" / "jobs" / job.id)


def test_a_followed_job_comes_whole_and_its_adapter_is_kept_with_its_card(home: Path, base: Path) -> None:
    here, there = _sent(home)
    done = jobs(home, "follow", "far")
    assert done.returncode == 0, done.stderr
    assert done.stdout == 'kullm ask -m as-it-is-here --adapter far "안녕하세요?"\n'
    assert "12/12단계" in done.stderr
    for name in ("metrics.jsonl", "events.jsonl", "logs/attempt-1.log"):
        assert same(here.path / name, there.path / name), name
    [row] = listed(home)
    assert {name: row[name] for name in ("id", "name", "machine", "state", "step", "steps", "eta_s", "artifacts")} == {
        "id": here.id,
        "name": "far",
        "machine": "box",
        "state": "SUCCEEDED",
        "step": 12,
        "steps": 12,
        "eta_s": 0.0,
        "artifacts": "VERIFIED",
    }
    assert row["link"] in ("LIVE", "STALE")
    adapter = json.loads(kullm(home, "adapters", "list", "--json").stdout)
    card = adapter["card"]
    assert (adapter["name"], adapter["run"], card["machine"], card["recipe"]) == ("far", here.id, "box", "tiny")
    assert (adapter["base"], card["hardware"]) == ("as-it-is-here", "4xA100-80GB")
    assert json.loads((here.artifacts / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    assert len(card["data_sha256"]) == 64
    assert abs(card["price"] - card["hours"] * 360.0) < 0.05
    assert card["memory_bytes"]["actual"] > 1 << 20
    again = jobs(home, "fetch", "last", "--json")
    assert json.loads(again.stdout)["name"] == "far"
    assert len(kullm(home, "adapters", "list", "--json").stdout.splitlines()) == 1


def test_a_follower_that_is_killed_and_begun_again_shows_the_same_history(home: Path) -> None:
    here, there = _sent(home, "long.toml")
    first = begin(home, "follow", "far")
    wait_for(lambda: here.metrics.exists() and here.metrics.stat().st_size > 2000)
    first.kill()
    first.communicate()
    seen = here.metrics.read_bytes()
    second = begin(home, "follow", "far")
    wait_for(lambda: here.metrics.stat().st_size > len(seen))
    second.send_signal(signal.SIGINT)
    assert "kullm jobs cancel" in second.communicate(timeout=240)[1]
    assert second.returncode == 130
    assert listed(home)[0]["state"] == "RUNNING"
    stopped = jobs(home, "cancel", "last")
    assert (stopped.returncode, stopped.stdout) == (0, ""), stopped.stderr
    assert "남은 프로세스가 없어요" in stopped.stderr
    assert jobs(home, "follow", "far").returncode == 130
    assert same(here.metrics, there.metrics)
    assert here.metrics.read_bytes().startswith(seen)
    _goes_on(home, here, there)


def _goes_on(home: Path, here: JobDirectory, there: JobDirectory) -> None:
    """Resumed from its checkpoint on the same machine, once however often that is asked."""
    stopped = there.complete_steps()[0]
    assert document(here.path / "job.json")["checkpoints"][0] == stopped
    assert jobs(home, "resume", "far", "--detach").stdout == f"{here.id}\n"
    wait_for(lambda: document(there.state)["state"] == "RUNNING")
    supervisor = document(there.state)["supervisor"]
    assert jobs(home, "resume", "far", "--detach").returncode == 0
    assert document(there.state)["supervisor"] == supervisor
    assert document(there.state)["start"] == 2
    [row] = listed(home)
    assert (row["state"], row["link"]) == ("RUNNING", "LIVE")
    assert row["step"] > stopped
    assert row["eta_s"] > 60  # of thousands of steps; not of those that an earlier attempt did
    assert jobs(home, "remove", "far", "--yes").returncode == 1
    assert jobs(home, "cancel", "far", "--now").returncode == 0
    log = jobs(home, "logs", "far", "--attempt", "1")
    assert log.returncode == 0
    removed = jobs(home, "remove", "far", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert not here.path.exists()
    assert not there.path.exists()


def test_a_job_that_nobody_followed_is_drawn_and_fetched_with_all_that_its_card_needs(home: Path) -> None:
    here, there = _sent(home)
    wait_for(lambda: document(there.state).get("state") == "SUCCEEDED")
    assert not here.metrics.exists()
    plotted = jobs(home, "plot", "far")
    assert plotted.returncode == 0, plotted.stderr
    assert same(here.metrics, there.metrics)
    assert jobs(home, "fetch", "far").returncode == 0
    card = json.loads(kullm(home, "adapters", "list", "--json").stdout)["card"]
    assert card["memory_bytes"]["actual"] > 1 << 20
    assert card["hours"] > 0
    assert jobs(home, "logs", "far").stdout == there.log(1).read_text()


def test_another_computer_adopts_the_same_jobs_and_sees_the_same(home: Path) -> None:
    here, there = _sent(home)
    jobs(home, "follow", "far")
    kept = document(here.spec)
    shutil.move(home / "jobs", home / "of-another-computer")
    adopted = jobs(home, "adopt", "box")
    assert adopted.stdout == f"{here.id}  far\n"
    assert jobs(home, "adopt", "box").stdout == ""
    assert document(here.spec) == kept
    assert listed(home)[0]["artifacts"] == "READY"
    assert jobs(home, "follow", "far").returncode == 0
    assert same(here.metrics, there.metrics)


def test_a_machine_that_is_gone_leaves_the_last_known_state_and_an_unreachable_link(home: Path) -> None:
    here, _ = _sent(home, "long.toml")
    wait_for(lambda: listed(home)[0]["state"] == "RUNNING")
    step = listed(home)[0]["step"]
    agent = home / "box" / "agent"
    agent.rename(home / "box" / "agent-gone")
    agent.write_text("no folder: no agent can be put there")
    [row] = listed(home)
    assert row["state"] == "RUNNING"
    assert row["step"] >= step
    assert here.path.exists()
    told = jobs(home, "show", "far")
    assert told.returncode == 0
    assert "학습 중" in told.stdout
    assert told.stderr
    agent.unlink()
    assert listed(home)[0]["link"] == "LIVE"
    assert jobs(home, "cancel", "far", "--now").returncode == 0


def test_a_machine_that_nobody_knows_is_told(home: Path) -> None:
    told = jobs(home, "adopt", "cellar")
    assert told.returncode == 2
    assert "kullm machines add cellar" in told.stderr
