"""What TensorBoard, trackio and W&B themselves read of a mirrored job, held against its metrics line by line."""

import json
import math
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.config.edit import set_value
from tests.kullm_command import environment, kullm
from tests.trainer.jobs.elsewhere import make_job, set_state
from tests.trainer.jobs.here import wait_until
from tests.training import base as base
from tests.training import home as home
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document
from trainer.jobs.agent.files import rows as read_rows
from trainer.jobs.spec import spec_of
from trainer.jobs.trackers.begin import end
from trainer.jobs.trackers.standing import standing_of
from trainer.jobs.trackers.wish import NAMES
from trainer.recipe import load_recipe

pytestmark = pytest.mark.peers  # trackio, W&B and TensorBoard
_STEPS = [*range(1, 31), *range(21, 41)]  # killed behind a checkpoint, and resumed there
_KEY = "local-0123456789abcdef0123456789abcdef01234567"


def _row(number: int, step: int) -> dict[str, Any]:
    row = {"step": step, "epoch": step / 40, "loss": math.nan if step == 33 else 3 / step, "skipped": step == 33}
    row |= {"eval_loss": 2 / step} if step % 10 == 0 else {}
    return {**row, "memory_bytes": 3 << 30, "time": 1_760_000_000.5 + number}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> JobDirectory:
    """Ended; given to all three, one of them killed half-way and begun again."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KULLM_HOME", str(home))
        job = make_job(home, spec_of(load_recipe("demo-kullm"), ["train"], name="첫째 학습"))
    with job.metrics.open("w") as metrics, job.samples.open("w") as samples:
        for number, step in enumerate(_STEPS):
            if step % 10 == 0:
                samples.write(json.dumps({"step": step, "prompt": "수도는?", "reply": f"서울 {number}"}) + "\n")
            metrics.write(json.dumps(_row(number, step)) + "\n")
    set_state(job, "SUCCEEDED")
    done = _mirror(home, job, ",".join(NAMES))
    assert done.returncode == 0, f"{done.stderr}{_logs(job)}"
    again = _mirror(home, job, ",".join(NAMES))  # whoever asks twice has nothing twice
    assert again.returncode == 0, again.stderr
    return job


def _mirror(home: Path, job: JobDirectory, to: str) -> subprocess.CompletedProcess[str]:
    return kullm(home, "jobs", "mirror", job.id, "--to", to, env=_variables(home), seconds=600)


def _variables(home: Path) -> Mapping[str, str]:
    return {"TRACKIO_DIR": str(home / "trackio"), "PYTHONWARNINGS": "ignore"}


def _logs(job: JobDirectory) -> str:
    return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in job.trackers.glob("*.log"))


def _read(job: JobDirectory, name: str) -> dict[str, Any]:
    home = job.path.parents[1]
    run = f"{document(job.spec)['name']}-{job.id}"
    place = {
        "tensorboard": [str(home / "tensorboard" / run)],
        "trackio": ["kullm", run],
        "wandb": [str(job.trackers / "wandb")],
    }[name]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.trainer.jobs.trackers.read_back", name, *place],
        env=environment(home, **_variables(home)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _wanted(job: JobDirectory, name: str) -> list[tuple[int, dict[str, float]]]:
    """The job's rows as that tool has numbers: TensorBoard with 32 bits, the time where each keeps it."""
    found = []
    for row in read_rows(job.metrics):
        time = float(row.pop("time"))
        values = {key: float(value) for key, value in row.items() if key != "step"}
        if name == "tensorboard":
            values = {key: struct.unpack("<f", struct.pack("<f", value))[0] for key, value in values.items()}
        more = {"tensorboard": {}, "trackio": {"wall_time": time}, "wandb": {"time": time}}[name]
        found.append((int(row["step"]), values | more))
    return found


def _numbers(rows: list[Any]) -> list[tuple[int, dict[str, float]]]:
    """trackio and W&B write a NaN as text."""
    return [(int(step), {key: float(value) for key, value in values.items()}) for step, values in rows]


def _same(found: list[Any], wanted: list[Any]) -> bool:
    return repr([(step, sorted(row.items())) for step, row in found]) == repr(
        [(step, sorted(row.items())) for step, row in wanted]
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_reads_every_row_once_in_its_order_with_the_recipe_and_the_replies(job: JobDirectory, name: str) -> None:
    found = _read(job, name)
    assert _same(_numbers(found["rows"]), _wanted(job, name))
    assert found["parameters"]["train.learning_rate"] == 0.002
    assert found["parameters"]["data.source"] == "demo:kullm"
    assert [step for step, _ in found["samples"]] == [10, 20, 30, 30, 40]
    assert ["서울 9" in text for _, text in found["samples"]] == [True, False, False, False, False]


def test_tensorboard_shows_no_stretch_that_was_given_up(job: JobDirectory) -> None:
    shown = _read(job, "tensorboard")["shown"]
    assert [step for step, _ in shown] == list(range(1, 41))


def test_what_is_shown_of_a_job_says_where_its_metrics_are(job: JobDirectory) -> None:
    home = job.path.parents[1]
    shown = json.loads(kullm(home, "jobs", "show", job.id, "--json").stdout)["mirrors"]
    assert {name: (one["state"], one["rows"]) for name, one in shown.items()} == dict.fromkeys(NAMES, ("DONE", 50))
    assert "완료(50줄)" in kullm(home, "jobs", "show", job.id).stdout


def _is_done(job: JobDirectory, name: str) -> bool:
    return standing_of(job, name).state == "DONE"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """It takes every connection and never says a word."""
    held: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        while True:
            try:
                held.append(server.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)
    for one in held:
        one.close()


def test_a_training_given_to_all_three_is_the_same_while_one_of_them_hangs(
    home: Path, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(home))
    assert kullm(home, "train", "tiny.toml", "--name", "alone").returncode == 0
    set_value("mirrors.wandb_online", "true")
    variables = {**_variables(home), "WANDB_BASE_URL": silent_server, "WANDB_API_KEY": _KEY}
    told = kullm(home, "train", "tiny.toml", "--name", "mirrored", "--mirror", ",".join(NAMES), env=variables)
    assert told.returncode == 0, told.stderr
    alone, mirrored = (JobDirectory(path) for path in sorted((home / "jobs").iterdir()))
    try:
        losses = [[(row["step"], row["loss"]) for row in read_rows(one.metrics)] for one in (alone, mirrored)]
        assert losses[0] == losses[1]
        assert (mirrored.manifest.is_file(), document(mirrored.state)["state"]) == (True, "SUCCEEDED")
        for name in ("tensorboard", "trackio"):
            wait_until(partial(_is_done, mirrored, name), lambda: _logs(mirrored))
            assert _same(_numbers(_read(mirrored, name)["rows"]), _wanted(mirrored, name))
        assert standing_of(mirrored, "wandb").state != "DONE"
    finally:
        end(mirrored, "wandb")
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if _KEY.encode() in path.read_bytes()] == []
    set_value("mirrors.wandb_online", "false")
    assert _mirror(home, mirrored, "wandb").returncode == 0
    assert _same(_numbers(_read(mirrored, "wandb")["rows"]), _wanted(mirrored, "wandb"))
