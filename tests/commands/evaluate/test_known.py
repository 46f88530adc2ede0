"""Answers without a judge: only kept, or graded by what the questions' own file says is right."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kullm_command import kullm
from tests.openai_server import OpenAIServer

RUN = ("eval", "run", "--set", "q.jsonl", "-m", "home/m")


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, model: OpenAIServer) -> Path:
    (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{model.base_url}"}}]\n')
    questions = [{"id": f"q{number}", "instruction": f"지시 {number}", "accepted": ["안녕"] if number else ["없는 말"]} for number in range(4)]  # fmt: skip
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in questions))
    return tmp_path


def test_answers_alone_are_kept_and_make_no_evaluation(home: Path, model: OpenAIServer) -> None:
    done = kullm(home, *RUN, "--answers-only", "--json", "--yes")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"answers": {"home/m": 4}}
    assert "아직 평가가 없어요" in kullm(home, "eval", "list").stdout
    assert kullm(home, *RUN, "--answers-only").returncode == 0
    assert len(model.requests) == 4


def test_known_answers_grade_them_and_ask_no_judge(home: Path, model: OpenAIServer) -> None:
    done = kullm(home, *RUN, "--known", "--json", "--yes")

    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["judge"] == "known-answers (offline)"
    (row,) = facts["rows"]
    assert (row["n"], row["scores"]["정답"]["mean"]) == (4, 0.75)
    assert len(model.requests) == 4


def test_questions_without_known_answers_are_refused_before_anybody_answers_them(
    home: Path, model: OpenAIServer
) -> None:
    (home / "q.jsonl").write_text('{"id": "1", "instruction": "안녕?"}')

    done = kullm(home, *RUN, "--known", "--yes")

    assert done.returncode == 2
    assert "accepted" in done.stderr
    assert model.requests == []


def test_greedy_is_asked_at_temperature_0(home: Path, model: OpenAIServer) -> None:
    assert kullm(home, *RUN, "--answers-only", "--decoding", "greedy", "--yes").returncode == 0

    assert {request.body.get("temperature") for request in model.requests} == {0}
