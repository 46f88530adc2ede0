"""Questions of two turns, references and categories, from the file to what a judge is asked and what the table says."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.evaluator.judge_server import JudgeServer
from tests.kullm_command import kullm
from tests.openai_server import OpenAIServer

RESULT = "- 정확성 (1 - 5): 4\n- 완전성 (1 - 5): 3\n- 전반적인 품질 (1 - 5): {}"
QUESTIONS = [
    {"question_id": 81, "category": "math", "turns": ["2+2는?", "거기에 3을 더하면?"], "reference": ["4", "7입니다"]},
    {"question_id": 82, "category": "writing", "turns": ["시를 써 줘", "두 배로 늘려 줘"]},
]


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with JudgeServer(verdict=lambda question: RESULT.format(5 if "7입니다" in question else 2)) as running:
        yield running


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def env(judge: JudgeServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}


@pytest.fixture
def home(tmp_path: Path, model: OpenAIServer) -> Path:
    (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{model.base_url}"}}]\n')
    write(tmp_path / "q.jsonl", QUESTIONS)
    return tmp_path


def write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


RUN = ("eval", "run", "--set", "q.jsonl", "--rubric", "reference-ko", "--yes", "--json")


def asked(judge: JudgeServer) -> list[str]:
    return [one.body["messages"][-1]["content"] for one in judge.requests if one.path.endswith("/completions")]


def test_both_turns_are_asked_in_order_kept_and_judged_with_the_conversation(
    home: Path, env: dict[str, str], judge: JudgeServer, model: OpenAIServer
) -> None:
    done = kullm(home, *RUN, "-m", "home/m", env=env)
    assert done.returncode == 0, done.stderr
    assert [(row["model"], row["n"]) for row in json.loads(done.stdout)["rows"]] == [("home/m", 4)]
    spoken = [[one["role"] for one in request.body["messages"]] for request in model.requests]
    assert sorted(spoken, key=len) == [["user"]] * 2 + [["user", "assistant", "user"]] * 2
    second = next(one.body["messages"] for one in model.requests if "3을 더하면" in str(one.body["messages"][-1]))
    items = {one["id"]: one for one in map(json.loads, kullm(home, "eval", "items", "--json").stdout.splitlines())}
    assert list(items) == ["81", "81/2", "82", "82/2"]
    assert second[1]["content"] == items["81"]["response"]
    assert (items["81/2"]["turn"], items["81/2"]["before"]) == (2, ["2+2는?"])
    about_second = next(one for one in asked(judge) if "[질문 2]\n거기에 3을 더하면?" in one)
    assert f"[질문 1]\n2+2는?\n[답 1]\n{items['81']['response']}" in about_second
    again = kullm(home, *RUN, "-m", "home/m", env=env)
    assert (again.returncode, len(model.requests), judge.paid) == (0, 4, 4)


def test_a_reference_is_shown_to_the_judge_and_another_one_is_judged_anew(
    home: Path, env: dict[str, str], judge: JudgeServer
) -> None:
    write(home / "a.jsonl", [{"id": 81, "response": ["넷", "일곱"]}, {"id": 82, "outputs": ["시", "시시"]}])
    assert kullm(home, *RUN, "--answers", "남=a.jsonl", env=env).returncode == 0
    references = [one.split("Reference:\n")[1].split("\n\nResponse")[0] for one in asked(judge)]
    assert sorted(references) == ["", "", "4", "7입니다"]
    write(home / "q.jsonl", [{**QUESTIONS[0], "reference": ["4", "여덟"]}, QUESTIONS[1]])
    assert kullm(home, *RUN, "--answers", "남=a.jsonl", env=env).returncode == 0
    assert judge.paid == 5


def test_fastchats_answers_are_taken_turn_by_turn(home: Path, env: dict[str, str]) -> None:
    rows = [{"question_id": number, "choices": [{"index": 0, "turns": ["하나", "둘"]}]} for number in (81, 82)]
    write(home / "a.jsonl", rows)
    done = kullm(home, *RUN, "--answers", "남=a.jsonl", env=env)
    assert json.loads(done.stdout)["rows"][0]["n"] == 4, done.stderr
    write(home / "b.jsonl", [{"id": 81, "response": ["하나", "둘", "셋"]}])
    done = kullm(home, *RUN, "--answers", "남=b.jsonl", env=env)
    assert (done.returncode, "81/3 차례" in done.stderr) == (1, True), done.stderr


def test_a_rubric_with_a_reference_says_where_there_is_none(home: Path, env: dict[str, str]) -> None:
    write(home / "a.jsonl", [{"id": 81, "response": ["넷", "일곱"]}])
    done = kullm(home, *RUN, "--answers", "남=a.jsonl", env=env)
    assert "질문 4개 중 2개에는 reference가 없어요" in done.stderr


def test_the_table_breaks_its_means_down_by_category_and_turn(home: Path, env: dict[str, str]) -> None:
    write(home / "a.jsonl", [{"id": number, "response": ["하나", "둘"]} for number in (81, 82)])
    done = kullm(home, *RUN, "--answers", "남=a.jsonl", env=env)
    groups = {one["group"]: one["rows"][0] for one in json.loads(done.stdout)["groups"]}
    means = {name: (row["scores"]["전반적인 품질"]["mean"], row["n"], row["items"]) for name, row in groups.items()}
    assert means == {"math": (3.5, 2, 2), "writing": (2.0, 2, 2), "1번째 차례": (2.0, 2, 2), "2번째 차례": (3.5, 2, 2)}
    shown = kullm(home, "eval", "table")
    assert "math" in shown.stdout
    assert "3.500" in shown.stdout.split("math")[1].splitlines()[0]
    assert "## 분류별" in kullm(home, "eval", "table", "--format", "markdown").stdout
    lines = kullm(home, "eval", "table", "--format", "csv").stdout.splitlines()
    assert any(line.endswith(",writing") for line in lines)
