"""A home of the test's own, in Korean."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _korean_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path
