"""An evaluation from the command line: real answers from a real server, real verdicts from a real judge."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.verdicts import VerdictStore
from tests.architecture.project import ROOT
from tests.evaluator.judge_server import FORM, JudgeServer
from tests.kullm_command import kullm
from tests.openai_server import OpenAIServer, closed_port


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    def verdict(question: str) -> str:
        return FORM.replace("(1 - 5): 4", "(1 - 5): 2") if "다른 답" in question else FORM

    with JudgeServer(verdict=verdict) as running:
        yield running


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, model: OpenAIServer) -> Path:
    (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{model.base_url}"}}]\n')
    questions = [{"id": f"q{number}", "instruction": f"지시 {number}", "input": ""} for number in range(5)]
    answers = [{"id": f"q{number}", "response": f"다른 답 {number}"} for number in range(4)]
    for name, rows in (("q.jsonl", questions), ("other.jsonl", answers)):
        (tmp_path / name).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    return tmp_path


@pytest.fixture
def env(judge: JudgeServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}


RUN = ("eval", "run", "--set", "q.jsonl", "-m", "home/m", "--answers", "남=other.jsonl")


def test_an_evaluation_goes_from_questions_to_the_table_and_costs_once(
    home: Path, env: dict[str, str], judge: JudgeServer, model: OpenAIServer
) -> None:
    done = kullm(home, *RUN, "--json", "--yes", env=env)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert [(row["model"], row["n"]) for row in facts["rows"]] == [("home/m", 5), ("남", 4)]
    assert [row["scores"]["전반적인 품질"]["mean"] for row in facts["rows"]] == [4.0, 2.0]
    assert facts["rows"][1]["unscored"]["missing"] == 1
    assert len(model.requests) == 5
    again = kullm(home, *RUN, env=env)
    assert again.returncode == 0, again.stderr
    assert "5/5" in again.stdout
    assert "4/5" in again.stdout
    assert len(model.requests) == 5
    assert set(judge.bought.values()) == {1}


def test_table_plot_and_agreement_read_what_is_kept(home: Path, env: dict[str, str], judge: JudgeServer) -> None:
    assert kullm(home, *RUN, "--yes", env=env).returncode == 0
    asked = len(judge.requests)
    shown = kullm(home, "eval", "table", "--format", "markdown").stdout
    assert "| home/m | 1.000 [" in shown
    assert kullm(home, "eval", "table", "--format", "csv").stdout.startswith("model,criterion,mean")
    assert "전반적인 품질" in kullm(home, "eval", "plot").stdout
    assert kullm(home, "eval", "plot", "--out", "f.svg").returncode == 0
    assert "<svg " in (home / "f.svg").read_text()
    assert kullm(home, "eval", "plot", "--out", "f.gif").returncode == 2
    items = [json.loads(line) for line in kullm(home, "eval", "items", "--json").stdout.splitlines()]
    assert [(one["id"], one["system"], one["status"]) for one in items[:2]] == [
        ("q0", "home/m", "ok"),
        ("q0", "남", "ok"),
    ]
    assert (items[-1]["fault"], items[-1]["status"], items[-1]["response"]) == ("missing", "missing", None)
    assert items[1]["text"].startswith("- 이해 가능성")
    ratings = [
        {"id": f"q{number}", "model": name, "rater": "가", "scores": {"전반적인 품질": score}}
        for number in range(4)
        for name, score in (("home/m", 4), ("남", 2))
    ]
    (home / "people.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ratings))
    done = kullm(home, "eval", "agreement", "--ratings", "people.jsonl", "--json")
    assert json.loads(done.stdout)["전반적인 품질"] == {"with_judge": 1.0, "people": None, "items": 8, "raters": 1}
    assert len(judge.requests) == asked


def test_a_base_is_evaluated_against_its_adapters_and_a_retrained_one_answers_anew(
    home: Path, env: dict[str, str]
) -> None:
    demo = ROOT / "kullm_tui" / "demo" / "adapters"
    (home / "two.jsonl").write_text(
        '{"id": "a", "instruction": "안녕?"}\n{"id": "b", "instruction": "1 더하기 1은?"}\n'
    )
    assert kullm(home, "adapters", "import", str(demo / "kullm"), "--name", "mine").returncode == 0
    run = ("eval", "run", "--set", "two.jsonl", "--yes", "--json", "-m")
    try:
        done = kullm(home, *run, "demo-base,demo-base+mine,demo-koalpaca", env=env, seconds=240)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["rows"]
        assert [(row["model"], row["n"] + row["unscored"]["missing"]) for row in rows] == [
            ("demo-base", 2), ("demo-base+mine", 2), ("demo-koalpaca", 2),
        ]  # fmt: skip
        assert len(_answers(home)) == 6
        assert kullm(home, "adapters", "remove", "mine", "--yes").returncode == 0
        assert kullm(home, "adapters", "import", str(demo / "kovicuna"), "--name", "mine").returncode == 0
        again = kullm(home, *run, "demo-base,+mine", env=env, seconds=240)
        assert again.returncode == 0, again.stderr
        sources = [json.loads(source) for system, source in _answers(home) if system == "demo-base+mine"]
        assert len(sources) == 4
        assert len({source["adapter_files"] for source in sources}) == 2
        assert {source["template"] for source in sources} == {"kullm-v2", "vicuna-1.1"}
        for named in ("+mine", "demo-koalpaca+mine"):  # two adapters are not laid over each other
            twice = kullm(home, *run, f"demo-base+mine,{named}", env=env)
            assert (twice.returncode, "두 번 나와요" in twice.stderr) == (1, True), named
    finally:
        kullm(home, "engine", "stop")


def _answers(home: Path) -> list[tuple[str, str]]:
    with VerdictStore(home / "evaluation.db") as store, store.database.transaction() as connection:
        return [(row["system"], row["source"]) for row in connection.execute("SELECT system, source FROM answers")]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("demo-base+nothing", "'nothing' 어댑터가 없어요"),
        ("+nothing", "어느 모델의 어댑터인지"),
        ("nothing+x", "'nothing' 모델이 없어요"),
    ],
)
def test_an_adapter_that_is_not_there_is_told_before_anything_begins(
    home: Path, env: dict[str, str], judge: JudgeServer, named: str, said: str
) -> None:
    done = kullm(home, "eval", "run", "--set", "q.jsonl", "--yes", "-m", named, env=env)
    assert done.returncode == 1
    assert said in done.stderr
    assert not judge.requests


def test_what_a_run_may_cost_is_agreed_to_before_anything_is_asked_or_kept(
    home: Path, env: dict[str, str], judge: JudgeServer, model: OpenAIServer
) -> None:
    done = kullm(home, *RUN, env=env)
    assert done.returncode != 0
    assert "--max-cost" in done.stderr
    assert not model.requests
    assert not judge.bought
    assert _answers(home) == []


def test_a_system_that_fails_does_not_stop_the_others_and_is_told(
    home: Path, env: dict[str, str], model: OpenAIServer
) -> None:
    gone = f'{{name = "gone", base_url = "http://127.0.0.1:{closed_port()}/v1"}}'
    there = f'{{name = "home", base_url = "{model.base_url}"}}'
    (home / "config.toml").write_text(f"endpoints = [{gone}, {there}]\n")
    done = kullm(
        home, "eval", "run", "--set", "q.jsonl", "-m", "gone/x,home/m", "--judge-model", "gpt-4.1",
        "--yes", "--json", env=env,
    )  # fmt: skip
    assert done.returncode == 1
    assert [(row["model"], row["n"]) for row in json.loads(done.stdout)["rows"]] == [("gone/x", 0), ("home/m", 5)]
    assert "gone/x: 답을 다 받지 못했어요" in done.stderr


def test_questions_that_changed_since_are_not_mixed_with_old_scores(home: Path, env: dict[str, str]) -> None:
    assert kullm(home, *RUN, "--yes", env=env).returncode == 0
    with (home / "q.jsonl").open("a") as file:
        file.write('\n{"id": "q9", "instruction": "새 지시"}')
    done = kullm(home, "eval", "table")
    assert done.returncode == 1
    assert "바뀌어" in done.stderr


def test_a_judge_that_judges_itself_is_warned_of(home: Path, env: dict[str, str]) -> None:
    done = kullm(home, *RUN, "--yes", "--judge-model", "m", env=env)
    assert done.returncode == 0
    assert "자기 답을 채점해요" in done.stderr


def test_without_an_evaluation_or_a_model_it_says_how_to_begin(home: Path, env: dict[str, str]) -> None:
    assert "kullm eval run" in kullm(home, "eval", "table").stderr
    assert kullm(home, "eval", "run", env=env).returncode == 2
