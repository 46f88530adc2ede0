"""`kullm ask --judge`: the answer, then its scores; what could refuse does so before anybody waits for the answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.asking import ASK
from tests.evaluator.judge_server import FORM, FORM_SCORES, JudgeServer
from tests.kullm_command import Terminal, kullm
from tests.openai_server import OpenAIServer, refuses, says


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with JudgeServer(verdict=lambda _question: f"{FORM}\n\n질문에 바로 답했습니다.") as running:
        yield running


@pytest.fixture
def env(judge: JudgeServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-secret-1"}


def test_the_verdict_is_an_object_beside_the_answer(
    home: Path, server: OpenAIServer, judge: JudgeServer, env: dict[str, str]
) -> None:
    server.script.append(says("서울"))
    done = kullm(home, *ASK, "--judge", "--yes", "--json", "--input", "자료", "수도는?", env=env)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["text"] == "서울"
    assert found["verdict"]["scores"] == FORM_SCORES
    assert (found["verdict"]["status"], found["verdict"]["rubric"]) == ("ok", "kullm-2023-ko")
    sent = next(iter(judge.bought))
    for words in ("수도는?", "자료", "서울"):
        assert words in sent
    assert "sk-secret" not in done.stdout + done.stderr


def test_the_scores_are_said_on_stderr_and_the_answer_stays_alone_on_stdout(
    home: Path, server: OpenAIServer, env: dict[str, str]
) -> None:
    server.script.append(says("서울"))
    done = kullm(home, *ASK, "--judge", "--max-cost", "1", "수도는?", env=env)
    assert (done.returncode, done.stdout) == (0, "서울\n")
    assert "전반적인 품질 4" in done.stderr
    assert "질문에 바로 답했습니다." in done.stderr


def test_unattended_nothing_is_asked_before_somebody_agreed_to_the_cost(
    home: Path, server: OpenAIServer, judge: JudgeServer, env: dict[str, str]
) -> None:
    done = kullm(home, *ASK, "--judge", "수도는?", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--max-cost" in done.stderr
    assert not server.requests
    assert not judge.bought


def test_a_declined_cost_leaves_the_answer(home: Path, server: OpenAIServer, env: dict[str, str]) -> None:
    server.script.append(says("서울"))
    terminal = Terminal(home, *ASK, "--judge", "수도는?", env=env)
    terminal.waits_for("[y/N] ")
    assert "서울" in terminal.shown
    terminal.types("n\n")
    assert terminal.ends() == 1
    assert "채점하지 않았어요" in terminal.shown


def test_a_judge_that_fails_leaves_the_answer_and_says_why(
    home: Path, server: OpenAIServer, judge: JudgeServer, env: dict[str, str]
) -> None:
    server.script.append(says("서울"))
    judge.script.append(refuses(429, "You exceeded your current quota", code="insufficient_quota"))
    done = kullm(home, *ASK, "--judge", "--yes", "--json", "수도는?", env=env)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["text"], found["verdict"]["status"]) == ("서울", "error")
    assert "quota" in found["verdict"]["text"]


def test_without_a_key_nothing_is_asked(home: Path, server: OpenAIServer) -> None:
    done = kullm(home, *ASK, "--judge", "--yes", "수도는?")
    assert done.returncode == 1
    assert "kullm keys set OPENAI_API_KEY" in done.stderr
    assert not server.requests
