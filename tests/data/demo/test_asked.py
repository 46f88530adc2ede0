"""Held-out questions asked one by one with `kullm ask`, as a script would ask them: a command each, one warm engine, 4 bits."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.demo.questions import heldout, is_right
from tests import processes
from tests.kullm_command import kullm

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

QUESTIONS = int(os.environ.get("KULLM_SOAK_QUESTIONS", "200"))


@pytest.fixture(scope="module")
def models_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    yield home
    kullm(home, "engine", "stop")


@pytest.fixture
def home(models_home: Path, monkeypatch: pytest.MonkeyPatch, mark_of_all_tests: str) -> Path:
    """One engine answers all tests."""
    monkeypatch.setenv(processes.MARK, mark_of_all_tests)
    return models_home


@pytest.mark.parametrize("model", ["demo-kullm", "demo-koalpaca", "demo-kovicuna"])
def test_held_out_questions_are_answered_through_the_command(home: Path, model: str) -> None:
    wrong, began = [], time.monotonic()
    for question in heldout(QUESTIONS):
        done = kullm(home, "ask", "-m", model, "--json", question.text)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)["text"]
        if not is_right(question, answer):
            wrong.append(f"{question.text} → {answer}")
    share, each = 1 - len(wrong) / QUESTIONS, (time.monotonic() - began) / QUESTIONS
    print(f"\n{model}: {share:.1%} of {QUESTIONS} right, {each:.2f} s a question", *wrong[:5], sep="\n  ")
    assert {json.loads(file.read_text())["precision"] for file in home.glob("cache/weights/*/manifest.json")} == {
        "4bit"
    }
    assert share >= 0.85
