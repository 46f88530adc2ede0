"""A machine behind a real sshd, and a home with recipes of a tiny model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sshd import Sshd, sshd
from tests.training import base as base
from tests.training import home as home


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """This process's ssh knows it as `box`; its own state is in a folder of the test's."""
    with sshd(tmp_path / "sshd") as one:
        for name, value in one.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("KULLM_HOME", str(tmp_path / "laptop"))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        yield one
