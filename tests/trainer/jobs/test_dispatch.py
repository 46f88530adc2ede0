"""A tiny recipe trained on a machine behind a real sshd, through `kullm` and through what is beneath it: cut, asked twice, refused, secret."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.config.edit import put_row
from kullm_tui.core.config.keys import set_key
from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.errors import KullmError, TooLarge
from tests import nvidia_smi
from tests.kullm_command import COMMAND, Terminal, environment, kullm
from tests.relay import relay
from tests.sshd import ALIAS, Sshd, make_key
from trainer.jobs.actions import Started, resume
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, rows
from trainer.jobs.client import Client
from trainer.jobs.dispatch import carry_out, draft, is_waiting
from trainer.jobs.machines import client_of
from trainer.jobs.payload import payload_of
from trainer.jobs.prospect import Prospect, prospect, require_sense
from trainer.jobs.registry import known_job, known_jobs, put_down
from trainer.jobs.telling import Telling
from trainer.recipe import load_recipe

OURS = MachineSettings("box", ALIAS, python=sys.executable)
SILENT = Telling(lambda _: None, lambda _: None)
_SECONDS = 600.0
TOKEN = "hf_" + "x" * 24 + "7"


def _prospect(home: Path, settings: MachineSettings = OURS, *, gpus: int | None = None, name: str = "tiny") -> Prospect:
    recipe = load_recipe(str(home / f"{name}.toml"))
    return prospect(recipe, settings, client_of(settings), gpus=gpus, lengths=None)


def _there(box: Sshd, job: str) -> JobDirectory:
    return JobDirectory(box.home / ".kullm" / "jobs" / job)


def _ends(job: JobDirectory, client: Client) -> dict[str, Any]:
    deadline = time.monotonic() + _SECONDS
    while not states.is_terminal(document(job.state)):
        assert time.monotonic() < deadline, document(job.state)
        client.show(job.id)  # writes what is so where the supervisor cannot
        time.sleep(0.2)
    return document(job.state)


def _wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _stand_in(folder: Path, *, then: str = "exec sleep 1000") -> Path:
    """In place of a Python that trains: says that it ran, and goes on."""
    program = folder / "stand-in"
    program.write_text(f'#!/bin/sh\necho "$KULLM_JOB_ID" >> "{folder}/ran"\n{then}\n')
    program.chmod(0o755)
    return program


def _staged(
    box: Sshd, home: Path, program: Path, settings: MachineSettings = OURS
) -> tuple[Client, str, dict[str, Any]]:
    """A job that is there and was not started; its launch."""
    client = client_of(settings)
    job = draft(_prospect(home, settings), name="twice", argv=[])
    client.stage(job.id, document(job.spec))
    assert _there(box, job.id).spec.is_file()
    return client, job.id, {"start": 1, "python": str(program), "ranks": 1}


def test_two_ranks_train_elsewhere_and_the_next_job_finds_everything_there(box: Sshd, home: Path, base: Path) -> None:
    env = {**box.variables, "KULLM_LANG": "en"}
    added = kullm(home, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env)
    assert added.returncode == 0, added.stderr
    one = kullm(home, "train", "tiny.toml", "--on", "box", "--gpus", "2", "--name", "first", env=env, seconds=_SECONDS)
    assert one.returncode == 0, one.stderr
    assert "its own Python, as it is" in one.stderr
    assert "uploaded from here" in one.stderr
    [mirror] = (home / "jobs").iterdir()
    job = _there(box, mirror.name)
    started = next(row for row in rows(job.events) if row["event"] == "started")
    assert started["ranks"] == 2
    assert [row["step"] for row in rows(job.metrics)] == list(range(1, 13))
    spec = document(job.spec)
    assert spec["recipe"]["model"]["base"].startswith(str(box.home / ".kullm" / "trees"))
    assert f'base = "{base}"' in (job.artifacts / "kullm.toml").read_text()  # as it is called where it will be used
    assert document(mirror / "state.json")["state"] == states.SUCCEEDED

    two = kullm(home, "train", "tiny.toml", "--on", "box", "--plan", "--json", env=env)
    told = json.loads(two.stdout)["dispatch"]
    assert (told["upload_bytes"], told["environment"], told["base"]) == (0, "there", "uploaded")
    assert told["payload_bytes"] > 1 << 20
    three = kullm(home, "train", "long.toml", "--on", "box", "--detach", "--name", "second", "--yes", env=env)
    assert three.returncode == 0, three.stderr
    second = three.stdout.strip()
    assert f"kullm jobs cancel {second}" in three.stderr
    _wait_until(lambda: _there(box, second).metrics.is_file())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.variables.items():
            patch.setenv(name, value)
        client_of(OURS).cancel(second, grace=0.0)
        assert _ends(_there(box, second), client_of(OURS))["state"] == states.CANCELLED


@pytest.mark.fault("quit, SIGKILL of the app, a second client")
def test_a_dispatch_whose_laptop_is_killed_in_the_upload_goes_on_and_starts_once(box: Sshd, home: Path) -> None:
    env = {**box.variables, "KULLM_LANG": "en"}
    with relay(box.port) as network:
        box.configure(network.port)
        box.know(port=network.port)
        assert (
            kullm(home, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env).returncode == 0
        )
        network.strike("black hole", after=4 << 20)
        child = subprocess.Popen(
            [*COMMAND, "train", "tiny.toml", "--on", "box", "--detach"],
            env=environment(home, **env),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_until(lambda: network.faults)
        child.send_signal(signal.SIGKILL)
        child.wait()
        network.heal()
        [mirror] = (home / "jobs").iterdir()
        assert document(mirror / "state.json") == {"state": states.STAGING}
        assert not _there(box, mirror.name).spec.exists()
        before = network.passed
        done = kullm(home, "train", "--resume", "last", "--detach", env=env, seconds=_SECONDS)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == mirror.name
        came = network.passed - before
        plan = kullm(home, "train", "tiny.toml", "--on", "box", "--plan", "--json", env=env)
        whole = json.loads(plan.stdout)["dispatch"]["payload_bytes"]
        assert came < whole - (1 << 20), "what had come was not sent again"
    assert not (mirror / "staging.json").exists()
    box.configure()
    box.know()
    assert _ends(_there(box, mirror.name), client_of(OURS))["state"] == states.SUCCEEDED
    assert len([row for row in rows(_there(box, mirror.name).events) if row["event"] == "starting"]) == 1


@pytest.mark.fault("reset or black hole in mid-upload, mid-fetch")
def test_an_upload_whose_connection_is_reset_goes_on_by_itself(box: Sshd, home: Path) -> None:
    with relay(box.port) as network:
        box.configure(network.port)
        box.know(port=network.port)
        found = _prospect(home)
        network.strike("reset", after=4 << 20)
        job = draft(found, name="again", argv=[])
        carry_out(job, OURS, client_of(OURS), SILENT, found.facts)
        assert network.faults == 1
        assert not is_waiting(known_job(job.id))
        assert _ends(_there(box, job.id), client_of(OURS))["state"] == states.SUCCEEDED


def test_a_base_of_the_hub_that_the_machine_cannot_reach_is_found_there_as_if_downloaded(
    box: Sshd, home: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, commit = home / "hub", "c0ffee" * 6 + "c0ff"
    repository = cache / "models--somebody--tiny"
    shutil.copytree(base, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    recipe = load_recipe(str(home / "tiny.toml"), ["model.base=somebody/tiny"])
    found = prospect(recipe, OURS, client_of(OURS), gpus=None, lengths=None)
    found = replace(found, payload=payload_of(recipe, base_by_hand=True))
    job = draft(found, name="hub", argv=[])
    assert document(job.spec)["recipe"]["model"]["base"] == "somebody/tiny"
    carry_out(job, OURS, client_of(OURS), SILENT, found.facts)
    assert _ends(_there(box, job.id), client_of(OURS))["state"] == states.SUCCEEDED


@pytest.mark.fault("duplicate submit × 20, acknowledgement lost")
def test_twenty_starts_of_one_job_are_one_process(box: Sshd, home: Path, tmp_path: Path) -> None:
    client, job, launch = _staged(box, home, _stand_in(tmp_path))
    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(lambda _: client.start(job, launch), range(20)))
    assert [answer["started"] for answer in answers].count(True) == 1
    _wait_until(lambda: (tmp_path / "ran").exists())
    assert (tmp_path / "ran").read_text() == f"{job}\n"
    client.cancel(job, grace=0.0)
    assert _ends(_there(box, job), client)["state"] == states.CANCELLED
    assert (tmp_path / "ran").read_text() == f"{job}\n"


@pytest.mark.fault("duplicate submit × 20, acknowledgement lost")
def test_a_start_whose_acknowledgement_is_lost_is_asked_again_and_runs_once(
    box: Sshd, home: Path, tmp_path: Path
) -> None:
    """The first answer to `start` does not come back: ssh ends as it does when the connection goes."""
    ssh = box.folder / "client" / "ssh"
    real = box.folder / "ssh"
    shutil.move(ssh, real)
    ssh.write_text(
        f'#!/bin/sh\ncase "$*" in *" start "*) if mkdir "{tmp_path}/lost" 2>/dev/null; then "{real}" "$@" >/dev/null; '
        f'echo "Connection reset by peer" >&2; exit 255; fi;; esac\nexec "{real}" "$@"\n'
    )
    ssh.chmod(0o755)
    program = _stand_in(tmp_path)
    found = _prospect(home)
    job = draft(found, name="lost", argv=[])
    assert found.facts is not None
    told = {**found.facts.told, "executable": str(program)}
    answer = carry_out(job, OURS, client_of(OURS), SILENT, replace(found.facts, told=told))
    assert (tmp_path / "lost").is_dir()
    assert answer["started"] is False
    _wait_until(lambda: (tmp_path / "ran").exists())
    client_of(OURS).cancel(job.id, grace=0.0)
    assert _ends(_there(box, job.id), client_of(OURS))["state"] == states.CANCELLED
    assert (tmp_path / "ran").read_text() == f"{job.id}\n"


def test_one_that_came_to_its_end_while_nobody_listened_is_not_begun_again(
    box: Sshd, home: Path, tmp_path: Path
) -> None:
    program, found = _stand_in(tmp_path, then="exit 0"), _prospect(home)
    job = draft(found, name="unheard", argv=[])
    assert found.facts is not None
    carry_out(job, OURS, client_of(OURS), SILENT, replace(found.facts, told={**found.facts.told, "executable": str(program)}))  # fmt: skip
    _wait_until(lambda: states.is_terminal(document(_there(box, job.id).state)))
    assert document(_there(box, job.id).state)["state"] == states.SUCCEEDED
    assert known_job(job.id).state.get("state") != states.SUCCEEDED

    assert resume(known_job(job.id), client_of(OURS)) == Started(1, fresh=False)
    assert known_job(job.id).state["state"] == states.SUCCEEDED
    assert (tmp_path / "ran").read_text() == f"{job.id}\n"


@contextmanager
def _webhook() -> Iterator[tuple[str, list[bytes]]]:
    posted: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook-secret-4711", posted
        server.shutdown()


@pytest.mark.fault("secrets")
def test_secrets_are_used_and_stand_in_no_argument_spec_log_or_history(
    box: Sshd, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    ssh, real = box.folder / "client" / "ssh", box.folder / "ssh"
    shutil.move(ssh, real)
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{tmp_path}/argv"\nexec "{real}" "$@"\n')
    ssh.chmod(0o755)
    program = _stand_in(tmp_path, then=f'tr "\\0" "\\n" < /proc/$$/environ > "{tmp_path}/environ"; exit 0')
    with _webhook() as (address, posted):
        set_key("NOTIFY_BOX", address)
        settings = replace(OURS, notify="NOTIFY_BOX")
        found = _prospect(home, settings)
        job = draft(found, name="secret", argv=["train"])
        put_down(job, hub=True)  # as where a base or data come from the hub
        assert found.facts is not None
        told = {**found.facts.told, "executable": str(program)}
        carry_out(job, settings, client_of(settings), SILENT, replace(found.facts, told=told))
        there = _there(box, job.id)
        assert _ends(there, client_of(settings))["state"] == states.SUCCEEDED
        _wait_until(lambda: posted)
    assert f"HF_TOKEN={TOKEN}" in (tmp_path / "environ").read_text().splitlines()
    assert address not in (tmp_path / "environ").read_text()
    assert not there.secrets.exists()
    places = [there.path, job.path, box.home, tmp_path / "argv", box.folder / "sshd.log"]
    files = [path for place in places for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()]
    assert files
    for file in files:
        content = file.read_bytes()
        assert TOKEN.encode() not in content, file
        assert b"hook-secret-4711" not in content, file


@pytest.mark.fault("secrets")
def test_a_recipe_without_the_hub_takes_no_token_along(
    box: Sshd, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    program = _stand_in(tmp_path, then=f'tr "\\0" "\\n" < /proc/$$/environ > "{tmp_path}/environ"; exit 0')
    found = _prospect(home)
    job = draft(found, name="none", argv=[])
    assert found.facts is not None
    told = {**found.facts.told, "executable": str(program)}
    carry_out(job, OURS, client_of(OURS), SILENT, replace(found.facts, told=told))
    _ends(_there(box, job.id), client_of(OURS))
    assert TOKEN not in (tmp_path / "environ").read_text()


def test_cards_that_others_hold_are_refused_with_who_holds_them_or_waited_for(
    box: Sshd, home: Path, tmp_path: Path
) -> None:
    nvidia_smi.put(box.bin, held={0: (os.getpid(), 40_000), 3: (os.getpid(), 30_000)})
    found = _prospect(home, gpus=4)
    assert found.machine.name == "4xA100-80GB"
    with pytest.raises(KullmError, match=rf"{os.getpid()}.*--wait-gpus"):
        require_sense(found, waits=False, agreed=False)
    require_sense(_prospect(home, gpus=2), waits=False, agreed=False)
    require_sense(found, waits=True, agreed=False)
    job = draft(found, name="waits", argv=[])
    assert found.facts is not None
    told = {**found.facts.told, "executable": str(_stand_in(tmp_path))}
    carry_out(job, OURS, client_of(OURS), SILENT, replace(found.facts, told=told))
    there = _there(box, job.id)
    _wait_until(lambda: document(there.state).get("queue"))
    queue = document(there.state)["queue"]
    assert (queue["why"], queue["free"], queue["wanted"]) == ("cards", 2, 4)
    nvidia_smi.put(box.bin)
    _wait_until(lambda: (tmp_path / "ran").exists())
    client_of(OURS).cancel(job.id, grace=0.0)
    assert _ends(there, client_of(OURS))["state"] == states.CANCELLED


def test_a_recipe_that_does_not_fit_is_refused_with_the_single_change_that_would(box: Sshd) -> None:
    nvidia_smi.put(box.bin, cards=1)
    settings = replace(OURS, gpus="1xRTX4090")
    recipe = load_recipe("kullm-paper-12.8b")
    found = prospect(recipe, settings, client_of(settings), gpus=None, lengths=None)
    with pytest.raises(TooLarge, match=r"--set model\.precision=4bit"):
        require_sense(found, waits=False, agreed=False)


def test_the_plan_of_a_machine_that_is_not_reached_says_all_but_what_is_there(tmp_path: Path) -> None:
    env = {"KULLM_LANG": "en"}
    add = (
        "machines",
        "add",
        "a100",
        "--ssh",
        "nobody.invalid",
        "--gpus",
        "4xA100-80GB",
        "--price",
        "8.8",
        "--unchecked",
    )
    assert kullm(tmp_path, *add, env=env).returncode == 0
    shown = kullm(tmp_path, "train", "kullm-paper-12.8b", "--on", "a100", "--plan", env=env)
    assert shown.returncode == 0, shown.stderr
    for words in (
        "152,630",
        "256 rows a step",
        "5 epochs",
        "4xA100-80GB",
        "59.3 GB",
        "about $35",
        "at most",
        "not reached",
    ):
        assert words in shown.stdout, shown.stdout
    told = json.loads(kullm(tmp_path, "train", "kullm-paper-12.8b", "--on", "a100", "--plan", "--json", env=env).stdout)
    assert told["rows"]["value"] == 152_630
    assert told["dispatch"]["reached"] is False
    refused = kullm(tmp_path, "train", "kullm-paper-12.8b", "--on", "a100", "--yes", env=env)
    assert refused.returncode == 1
    assert "nobody.invalid" in refused.stderr
    assert not (tmp_path / "jobs").exists()


def test_money_is_agreed_to_before_anything_is_sent(box: Sshd, home: Path) -> None:
    env = {**box.variables, "KULLM_LANG": "en"}
    add = ("machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, "--price", "3")
    assert kullm(home, *add, env=env).returncode == 0
    done = kullm(home, "train", "tiny.toml", "--on", "box", "--detach", env=env)
    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert not (home / "jobs").exists()
    assert not (box.home / ".kullm" / "jobs").exists() or not list((box.home / ".kullm" / "jobs").iterdir())


def test_a_changed_file_is_not_sent_under_the_old_ones_name(box: Sshd, home: Path) -> None:
    found = _prospect(home)
    job = draft(found, name="changed", argv=[])
    with (home / "data.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"instruction": "새로", "output": "왔어요"}\n')
    with pytest.raises(KullmError, match=r"data\.jsonl"):
        carry_out(job, OURS, client_of(OURS), SILENT, found.facts)
    assert [known.id for known in known_jobs()] == [job.id]
    assert is_waiting(known_job(job.id))
    assert not _there(box, job.id).path.exists()


def test_options_of_machines_are_refused_without_one(tmp_path: Path) -> None:
    done = kullm(tmp_path, "train", "demo-kullm", "--wait-gpus")
    assert done.returncode == 2
    assert "--wait-gpus" in done.stderr


def test_a_machine_that_is_added_lists_checks_and_goes(box: Sshd, home: Path) -> None:
    env = {**box.variables, "KULLM_LANG": "en"}
    nvidia_smi.put(box.bin)
    box.without("sbatch")
    add = ("machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, "--folder", "~/내 폴더")
    slurm = ("--launcher", "slurm", "--partition", "gpu", "--option=--exclusive")
    added = kullm(home, *add, *slurm, env=env)
    assert added.returncode == 0, added.stderr
    listed = json.loads(kullm(home, "machines", "list", "--json", env=env).stdout)
    assert (listed["gpus"], listed["partition"], listed["folder"]) == ("4xA100-80GB", "gpu", "~/내 폴더")
    assert (box.home / "내 폴더" / "agent").is_dir()
    check = kullm(home, "machines", "check", "box", env=env)
    assert check.returncode == 1
    assert "sbatch" in check.stdout
    assert kullm(home, "machines", "remove", "box", env=env).returncode == 0
    assert kullm(home, "machines", "check", "box", env=env).returncode == 2


def test_what_ssh_asks_is_asked_in_the_terminal_and_no_answer_is_shown(box: Sshd, home: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "locked", passphrase="open-sesame")
    with (box.folder / "authorized_keys").open("a") as file:
        file.write(key.with_suffix(".pub").read_text())
    box.configure(key=key)
    box.known_hosts.write_text("")
    nvidia_smi.put(box.bin)
    box.without("sbatch")
    env = {**box.variables, "KULLM_LANG": "en"}
    terminal = Terminal(home, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env)
    terminal.waits_for("type yes")
    assert "SHA256:" in terminal.shown
    terminal.types("yes\n")
    terminal.waits_for("passphrase")
    terminal.types("open-sesame\n")
    terminal.waits_for("dollars an hour")
    terminal.types("2.5\n")
    assert terminal.ends() == 0, terminal.shown
    assert "open-sesame" not in terminal.shown
    listed = json.loads(kullm(home, "machines", "list", "--json", env=env).stdout)
    assert (listed["gpus"], listed["price_per_hour"]) == ("4xA100-80GB", 2.5)


@pytest.mark.usefixtures("box")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (replace(OURS, nodes=2), "Slurm"),
        (replace(OURS, wheels="/nowhere"), "/nowhere"),
    ],
)
def test_a_machine_that_cannot_be_used_so_is_refused_before_anything_is_sent(
    home: Path, settings: MachineSettings, words: str
) -> None:
    found = _prospect(home, settings)

    def begin() -> None:
        require_sense(found, waits=False, agreed=True)
        draft(found, name="never", argv=[])

    with pytest.raises(KullmError, match=words):
        begin()
    assert known_jobs() == []


def test_a_webhook_is_read_unseen_and_kept_with_the_keys(box: Sshd, home: Path) -> None:
    add = ("machines", "add", "box", "--ssh", ALIAS, "--unchecked", "--notify")
    assert kullm(home, *add, stdin="https://hooks.example/secret\n", env=dict(box.variables)).returncode == 0
    text = (home / "config.toml").read_text()
    assert "hooks.example" not in text
    assert 'notify = "NOTIFY_BOX"' in text
    assert json.loads((home / "keys.json").read_text())["keys"]["NOTIFY_BOX"] == "https://hooks.example/secret"


def test_the_configuration_takes_machines_and_finds_their_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kullm_tui.core.config.settings import load_config
    from kullm_tui.core.errors import ConfigError

    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    put_row("machines", {"name": "box", "ssh": "me@host", "options": ("--exclusive",)})
    put_row("machines", {"name": "box", "ssh": "me@other"})
    assert load_config().machines == (MachineSettings("box", "me@other"),)
    for wrong in (
        {"ssh": "-oProxyCommand=x"},
        {"ssh": "a b"},
        {"folder": "relative"},
        {"partition": "a b"},
        {"python": "-c"},
    ):
        with pytest.raises(ConfigError):
            put_row("machines", {"name": "box", "ssh": "host", **wrong})
