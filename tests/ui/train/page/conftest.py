"""A home of the test's own, Korean, its clock where it is."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return tmp_path
