"""A judge and a home in which its key is at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evaluator.judge_server import JudgeServer
from tests.ui.judging import SECRET, reasoned


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with JudgeServer(verdict=lambda _question: reasoned()) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, judge: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("OPENAI_BASE_URL", judge.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    return tmp_path
