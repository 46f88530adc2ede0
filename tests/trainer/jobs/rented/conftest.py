"""Hugging Face Jobs on this machine, whose container is a real sshd with another HOME."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs_server import GATEWAY, TOKEN, Jobs, jobs_server
from tests.sshd import Sshd, sshd
from tests.training import base as base
from tests.training import home as home


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    with jobs_server() as jobs:
        monkeypatch.setenv("HF_ENDPOINT", jobs.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield jobs


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with sshd(tmp_path / "sshd") as one:
        one.names.append(GATEWAY)
        one.configure()
        for name, value in one.variables.items():
            monkeypatch.setenv(name, value)
        yield one
