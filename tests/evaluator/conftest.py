"""A home of the test's own, whose sentences are Korean, and the verdicts in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.verdicts import VerdictStore


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[VerdictStore]:
    with VerdictStore(home / "evaluation.db") as opened:
        yield opened
