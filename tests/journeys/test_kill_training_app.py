"""The app is killed again and again while a machine behind a real sshd trains: the training never notices, and nothing of its history is lost or doubled."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.kullm_command import kullm
from tests.sshd import ALIAS, sshd
from tests.tmux import Tmux
from tests.training import base as base
from tests.training import home as home
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, rows

_KILLS = 20
_LONGEST = 2.0  # seconds of watching before a kill


def test_twenty_kills_of_the_app_change_nothing_of_a_training(home: Path, tmp_path: Path) -> None:
    moments = random.Random(16)
    with sshd(tmp_path / "sshd") as box:
        env = dict(box.variables)
        assert (
            kullm(home, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env).returncode == 0
        )
        begun = kullm(home, "train", "long.toml", "--on", "box", "--detach", "--name", "night", env=env)
        assert begun.returncode == 0, begun.stderr
        name = begun.stdout.strip()
        there, here = JobDirectory(box.home / ".kullm" / "jobs" / name), JobDirectory(home / "jobs" / name)
        for _ in range(_KILLS):
            with Tmux(home, size=(140, 45), env=env) as tmux:
                tmux.runs()
                tmux.shows("보내기")
                tmux.presses("F10")
                tmux.shows("night", "단계")
                time.sleep(moments.random() * _LONGEST)
                os.kill(tmux.pid(), signal.SIGKILL)
        supervised = document(there.state)
        assert (supervised["state"], supervised["attempt"]) == ("RUNNING", 1)
        assert kullm(home, "jobs", "cancel", name, env=env).returncode == 0
        listed = json.loads(kullm(home, "jobs", "show", name, "--json", env=env).stdout)
        assert listed["state"] == "CANCELLED"
        steps = [row["step"] for row in rows(there.metrics)]
        assert steps == list(range(1, len(steps) + 1))
        for kept in ("metrics", "events"):
            assert getattr(here, kept).read_bytes() == getattr(there, kept).read_bytes(), kept
