"""This machine as one of the machines: its agent is a process of ours, its folder the state folder."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.agent.trainer_process import SECRETS
from trainer.jobs.package import agent_file
from trainer.jobs.transports import Told, nobody
from trainer.jobs.transports.answers import answer_in


class LocalTransport:
    @property
    def root(self) -> Path:
        return paths.state_dir()

    def call(self, verb: str, question: Mapping[str, Any]) -> dict[str, Any]:
        try:
            done = subprocess.run(
                self._command(verb, str(self.root)),
                input=json.dumps(question).encode() + b"\n",
                capture_output=True,
                env=_environment(),
                check=False,
            )
        except OSError as error:
            raise _not_started(str(error)) from error
        answer = answer_in(done.stdout)
        if answer is None:
            raise _not_started(done.stderr.decode(errors="replace").strip()[-500:])
        return answer

    def stream(self, verb: str, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command(verb, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
        )

    def upload(self, files: Mapping[str, Path], told: Told = nobody) -> None:  # noqa: ARG002
        """Nothing travels: what a job here needs is here."""

    def download(self, folder: str, names: Sequence[str], target: Path, told: Told = nobody) -> None:  # noqa: ARG002
        """Nothing travels."""

    def _command(self, verb: str, *arguments: str) -> list[str]:
        agent = agent_file(paths.private_dir(self.root / "agent"))
        return [sys.executable, "-I", "-S", str(agent), verb, *arguments]


def _environment() -> dict[str, str]:
    """Without secrets, which a trainer has no business with, and with Python's own settings only where ours."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def _not_started(reason: str) -> KullmError:
    return KullmError(
        say(
            f"학습을 돌볼 프로세스를 시작하지 못했어요: {reason}",
            f"the process that looks after a training did not start: {reason}",
        )
    )
