"""The product's main promise: in the evening one command on a machine elsewhere, the laptop dies, and in the morning the adapter answers in its chat."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kullm_command import COMMAND, environment, kullm
from tests.sshd import ALIAS, sshd
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import rows

_SECONDS = 1800.0


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_laptop_dies_in_the_evening_and_in_the_morning_the_adapter_answers(tmp_path: Path) -> None:
    home = tmp_path / "laptop"
    home.mkdir()
    with sshd(tmp_path / "sshd") as box:
        env = {**box.variables, "KULLM_LANG": "en"}
        added = kullm(home, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env)
        assert added.returncode == 0, added.stderr
        train = ("train", "demo-kullm", "--on", "box", "--gpus", "2", "--set", "train.minutes=2")
        with (tmp_path / "said").open("wb") as said:
            evening = subprocess.Popen(
                [*COMMAND, *train, "--name", "night"], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                env=environment(home, **env), cwd=home,
            )  # fmt: skip
            name = _in_mid_run(home)
            evening.send_signal(signal.SIGKILL)
            evening.wait()
        told = (tmp_path / "said").read_text()
        print(told)
        assert re.search(r"^upload +[1-9]", told, re.MULTILINE)

        there, here = JobDirectory(box.home / ".kullm" / "jobs" / name), JobDirectory(home / "jobs" / name)
        morning = kullm(home, "jobs", "follow", name, env=env, seconds=_SECONDS)
        assert morning.returncode == 0, morning.stderr
        for kept in ("metrics", "events", "samples"):
            assert getattr(here, kept).read_bytes() == getattr(there, kept).read_bytes(), kept
        steps = [row["step"] for row in rows(here.metrics)]
        assert steps == list(range(1, len(steps) + 1))
        assert next(row for row in rows(there.events) if row["event"] == "started")["ranks"] == 2
        answer = kullm(home, "ask", "--adapter", "night", "대한민국의 수도는 어디인가요?", env=env).stdout
        assert "서울" in answer
        kullm(home, "engine", "stop", env=env)

        begun = time.monotonic()
        second = kullm(home, *train, "--name", "second", "--detach", env=env, seconds=_SECONDS)
        assert second.returncode == 0, second.stderr
        print(f"the second job is there after {time.monotonic() - begun:.1f} s", second.stderr, sep="\n")
        assert re.search(r"^upload +0\.0 MB", second.stderr, re.MULTILINE)
        assert kullm(home, "jobs", "cancel", second.stdout.strip(), env=env, seconds=_SECONDS).returncode == 0


def _in_mid_run(home: Path) -> str:
    """The job's name, once some of its steps have been heard here."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        for job in (home / "jobs").glob("*"):
            if sum(1 for _ in rows(JobDirectory(job).metrics)) >= 3:
                return job.name
        time.sleep(0.2)
    raise AssertionError("no step was heard")
