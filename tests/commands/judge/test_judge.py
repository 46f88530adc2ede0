"""The real command against a real judge."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evaluator.judge_server import FORM, FORM_SCORES, JudgeServer, judged
from tests.kullm_command import Terminal, kullm
from tests.openai_server import refuses


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


@pytest.fixture
def env(server: JudgeServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-secret-1"}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [{"id": f"q{number}", "instruction": "수도는?", "response": f"서울 {number}"} for number in range(3)]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n")
    return path


def test_each_row_becomes_one_object_in_the_files_order(tmp_path: Path, rows: Path, env: dict[str, str]) -> None:
    done = kullm(tmp_path, "judge", "--json", "--yes", str(rows), env=env)
    assert done.returncode == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in found] == ["q0", "q1", "q2"]
    assert {one["status"] for one in found} == {"ok"}
    assert found[0]["scores"] == FORM_SCORES
    assert (found[0]["text"], found[0]["model"], found[0]["rubric"]) == (FORM, "gpt-4.1-2025-04-14", "kullm-2023-ko")
    assert found[0]["cost"] == pytest.approx((500 * 2 + 80 * 8) / 1e6)


def test_a_pipe_is_judged_and_what_is_kept_costs_nothing(tmp_path: Path, rows: Path, env: dict[str, str]) -> None:
    kullm(tmp_path, "judge", "--json", "--yes", "-", stdin=rows.read_text(), env=env)
    done = kullm(tmp_path, "judge", "--json", "-", stdin=rows.read_text(), env=env)
    assert done.returncode == 0
    assert [json.loads(line)["cost"] for line in done.stdout.splitlines()] == [0.0] * 3
    assert "전에 받아 둔 것 3개" in done.stderr


def test_unattended_it_spends_nothing_without_a_word(
    tmp_path: Path, rows: Path, env: dict[str, str], server: JudgeServer
) -> None:
    done = kullm(tmp_path, "judge", "--json", str(rows), env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--max-cost" in done.stderr
    assert not server.bought


def test_a_budget_stops_and_every_row_still_has_its_object(tmp_path: Path, rows: Path, env: dict[str, str]) -> None:
    done = kullm(tmp_path, "judge", "--json", "--max-cost", "0.002", str(rows), env=env)
    assert done.returncode == 1
    assert sorted(json.loads(line)["status"] for line in done.stdout.splitlines()) == ["error", "error", "ok"]
    assert "예산" in done.stderr


def test_on_a_terminal_the_cost_is_shown_and_asked_for(tmp_path: Path, rows: Path, env: dict[str, str]) -> None:
    terminal = Terminal(tmp_path, "judge", str(rows), env=env)
    terminal.waits_for("[y/N] ")
    assert "3번 물어요" in terminal.shown
    terminal.types("y\n")
    assert terminal.ends() == 0
    assert "전반적인 품질 4" in terminal.shown


def test_text_for_another_host_is_asked_about_first(tmp_path: Path, rows: Path, server: JudgeServer) -> None:
    env = {
        "OPENAI_BASE_URL": "http://judge.example/v1",
        "OPENAI_API_KEY": "sk-1",
        "http_proxy": f"http://127.0.0.1:{server.port}",
    }
    done = kullm(tmp_path, "judge", "--json", "--max-cost", "1", str(rows), env=env)
    assert done.returncode == 1
    assert "judge.example" in done.stderr
    assert not server.requests
    assert kullm(tmp_path, "judge", "--json", "--yes", str(rows), env=env).returncode == 0


def test_without_a_key_it_says_how_to_store_one(tmp_path: Path, rows: Path) -> None:
    done = kullm(tmp_path, "judge", str(rows))
    assert done.returncode == 1
    assert "kullm keys set OPENAI_API_KEY" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"instruction": "x", "instances": [{"input": "", "output": "정답"}]}', "정답"),
        ('{"instruction": "x", "output": "정답"}', "response"),
        ('{"instruction": "x"}', "response"),
        ('{"instruction": "x", "output": "정답", "response": " 정답"}', "정답은 채점하지 않아요"),
        ('{"instruction": "x", "instances": [{"input": "", "output": "정답"}], "response": "정답"}', "정답은 채점하지"),
        ("아님", "1행"),
        ("", "행이 없어요"),
    ],
)
def test_rows_that_cannot_be_judged_are_refused_before_anything_is_sent(
    tmp_path: Path, env: dict[str, str], server: JudgeServer, text: str, said: str
) -> None:
    done = kullm(tmp_path, "judge", "--yes", "-", stdin=text, env=env)
    assert done.returncode == 1
    assert said in done.stderr
    assert not server.requests


def test_the_judges_own_answers_are_warned_of_under_any_of_its_names(tmp_path: Path, env: dict[str, str]) -> None:
    rows = [
        {"instruction": "수도는?", "response": f"서울 {number}", "model": model}
        for number, model in enumerate(("GPT-4.1", "openai/gpt-4.1-2025-04-14", "kullm-5.8b"))
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    done = kullm(tmp_path, "judge", "--json", "--yes", "-", stdin=text, env=env)
    assert done.returncode == 0
    assert "2행은 채점자 gpt-4.1-2025-04-14의 답이에요" in done.stderr


def test_a_named_judge_that_is_gone_is_told_with_what_the_key_can_use(
    tmp_path: Path, rows: Path, env: dict[str, str], server: JudgeServer
) -> None:
    server.script.extend([refuses(404, "The model `gpt-4` has been deprecated", code="model_not_found")] * 3)
    done = kullm(tmp_path, "judge", "--yes", "--judge-model", "gpt-4", str(rows), env=env)
    assert done.returncode == 1
    assert "gpt-4o" in done.stderr
    assert "--judge-model" in done.stderr


def test_what_a_judge_says_cannot_steer_the_terminal(
    tmp_path: Path, rows: Path, env: dict[str, str], server: JudgeServer
) -> None:
    server.script.extend([judged("\x1b[2J\x1b]0;x\x07나쁜 답")] * 3)
    for options in (["--json"], []):
        done = kullm(tmp_path, "judge", *options, "--yes", str(rows), env=env)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr


def _prefers(question: str) -> str:
    """The better of two; of two as good ones the first, as judges do."""
    first, second = (question.split(f"<response-{place}>\n")[1].split("\n</response")[0] for place in (1, 2))
    goodness = {"답-가": 2, "답-나": 1, "답-다": 1}
    return json.dumps({"근거": "낫다", "선택": 1 if goodness[first] >= goodness[second] else 3}, ensure_ascii=False)


def test_pairs_are_judged_in_both_orders_and_disagreement_is_a_tie(tmp_path: Path, env: dict[str, str]) -> None:
    pairs = [("답-가", "답-나"), ("답-나", "답-가"), ("답-나", "답-다")]
    rows = "\n".join(json.dumps({"instruction": "?", "left": left, "right": right}) for left, right in pairs)
    with JudgeServer(verdict=_prefers) as judge:
        env = {**env, "OPENAI_BASE_URL": judge.base_url}
        done = kullm(tmp_path, "judge", "--pairwise", "--json", "--yes", "-", stdin=rows, env=env)
        again = kullm(tmp_path, "judge", "--pairwise", "--yes", "-", stdin=rows, env=env)
    assert done.returncode == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["winner"] for one in found] == ["left", "right", "tie"]
    assert found[0]["cost"] == pytest.approx(2 * (500 * 2 + 80 * 8) / 1e6)
    assert again.stdout.splitlines() == [
        "1  왼쪽이 나아요",
        "2  오른쪽이 나아요",
        "3  비겨요(순서를 바꾸자 결과가 뒤집혔어요)",
    ]
    assert "왼쪽 1, 비김 1(그중 순서를 바꾸자 뒤집힌 것 1), 오른쪽 1, 가릴 수 없음 0" in again.stderr
    assert "사용 금액 $0.0000" in again.stderr


def test_pairs_without_two_sides_are_refused(tmp_path: Path, env: dict[str, str], server: JudgeServer) -> None:
    row = json.dumps({"instruction": "?", "left": "하나"})
    done = kullm(tmp_path, "judge", "--pairwise", "--yes", "-", stdin=row, env=env)
    assert done.returncode == 1
    assert "right" in done.stderr
    assert not server.requests


@pytest.mark.parametrize("told", ["2027-01-14", 1799884800])
def test_a_judge_that_will_be_shut_down_is_warned_of_before_anything_is_spent(
    tmp_path: Path, rows: Path, env: dict[str, str], server: JudgeServer, told: str | int
) -> None:
    server.shutdown_dates["gpt-4.1-2025-04-14"] = told
    done = kullm(tmp_path, "judge", "--max-cost", "0", str(rows), env=env)
    assert (server.paid, "2027-01-14에 서비스가 끝나요" in done.stderr) == (0, True), done.stderr
    assert (
        "서비스가 끝나요"
        not in kullm(tmp_path, "judge", "--yes", "--judge-model", "gpt-4.1", str(rows), env=env).stderr
    )


def test_a_date_of_shutdown_that_cannot_be_read_holds_nothing_up(
    tmp_path: Path, rows: Path, env: dict[str, str], server: JudgeServer
) -> None:
    server.shutdown_dates["gpt-4.1"] = "bald"
    assert kullm(tmp_path, "judge", "--yes", "--judge-model", "gpt-4.1", str(rows), env=env).returncode == 0
