"""A home of the test's own, whose sentences are Korean."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    return tmp_path
