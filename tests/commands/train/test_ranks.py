"""`kullm train --on 2xcpu`: torchrun and two gloo ranks under the one command, ctrl-c once and twice, and going on."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.kullm_command import kullm, start
from trainer.estimate.machines import usable_cores
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document
from trainer.jobs.agent.files import rows as read_rows

TWO = ("--on", "2xcpu")


def test_two_ranks_train_an_adapter_that_is_kept(home: Path, base: Path) -> None:
    done = kullm(home, "train", "tiny.toml", *TWO)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'kullm ask -m {base} --adapter tiny-1 "안녕하세요?"\n'
    run = the_run(home)
    assert events(run, "started")[0]["ranks"] == 2
    assert [row["step"] for row in read_rows(run.metrics)] == list(range(1, 13))
    assert json.loads(kullm(home, "adapters", "list", "--json").stdout)["run"] == run.path.name
    assert processes_of(run) == []


def test_ctrl_c_saves_then_a_second_one_ends_at_once_and_the_run_goes_on(home: Path) -> None:
    command = start(home, "train", "long.toml", *TWO, "--set", "train.save_every=100000")
    run = wait_for_steps(home, 3)
    assert len(processes_of(run)) >= 3  # torchrun and two ranks
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=240)
    assert command.returncode == 130, told
    assert f"kullm train --resume {run.path.name}" in told.decode()
    saved = run.checkpoint_steps()[0]
    assert saved == last_step(run)
    assert (run.checkpoint(saved) / "COMPLETE.json").is_file()
    assert gone(run)

    command = start(home, "train", "--resume", "last")  # on two ranks, as it began
    wait_until(lambda: last_step(run) > saved + 2)
    stopped = processes_of(run)
    for process in stopped:
        os.kill(process, signal.SIGSTOP)  # so that none can save and end before the second
    wait_until(lambda: all(stands_still(process) for process in stopped))  # or it could still take the first signal
    command.send_signal(signal.SIGINT)
    wait_until(lambda: asked_to_stop(run))
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=240)
    assert command.returncode == 130, told
    assert gone(run)
    assert run.checkpoint_steps()[0] == saved  # nothing was saved between

    command = start(home, "train", "--resume", run.path.name)
    wait_until(lambda: len(events(run, "resumed")) == 2)
    command.send_signal(signal.SIGTERM)
    command.communicate(timeout=240)
    assert command.returncode == 130
    assert {row["step"] for row in events(run, "resumed")} == {saved}
    assert {row["ranks"] for row in events(run, "started")} == {2}
    assert gone(run)


def test_more_ranks_than_cores_are_refused(home: Path) -> None:
    done = kullm(home, "train", "tiny.toml", "--on", f"{usable_cores() + 1}xcpu")
    assert done.returncode == 2
    assert "코어" in done.stderr


def the_run(home: Path) -> JobDirectory:
    (spec,) = home.glob("jobs/*/spec.json")
    return JobDirectory(spec.parent)


def wait_for_steps(home: Path, count: int) -> JobDirectory:
    wait_until(lambda: bool(list(home.glob("jobs/*/spec.json"))))
    run = the_run(home)
    wait_until(lambda: last_step(run) >= count)
    return run


def last_step(run: JobDirectory) -> int:
    return max((row["step"] for row in read_rows(run.metrics)), default=0)


def events(run: JobDirectory, name: str) -> list[dict[str, Any]]:
    return [row for row in read_rows(run.events) if row["event"] == name]


def processes_of(run: JobDirectory) -> list[int]:
    """Those that carry the run's mark, by their ids."""
    mark, found = f"KULLM_JOB_ID={run.path.name}".encode(), []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


def gone(run: JobDirectory) -> bool:
    wait_until(lambda: not processes_of(run))
    return True


def stands_still(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def asked_to_stop(run: JobDirectory) -> bool:
    """The trainer has the first signal: it is pending there, since the trainer stands still."""
    trainer = document(run.state)["trainer"]["pid"]
    status = Path(f"/proc/{trainer}/status").read_text()
    pending = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("ShdPnd"))
    return bool(pending >> (signal.SIGTERM - 1) & 1)


def wait_until(condition: Callable[[], bool], *, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
