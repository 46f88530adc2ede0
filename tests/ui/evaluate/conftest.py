"""A judge, a model and a home for the evaluate mode."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evaluator.judge_server import FORM, JudgeServer
from tests.ui.evaluating import Answering


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    def verdict(question: str) -> str:
        return FORM.replace("(1 - 5): 4", "(1 - 5): 2") if "b의 답" in question else FORM

    with JudgeServer(verdict=verdict) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        yield running


@pytest.fixture
def model() -> Iterator[Answering]:
    with Answering() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
