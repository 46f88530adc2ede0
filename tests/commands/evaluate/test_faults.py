"""`kullm eval run` when the way to the judge fails: what is said, what is kept, and how it ends."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.evaluator.judge_server import JudgeServer, no_schemas
from tests.kullm_command import kullm
from tests.openai_server import Reply, closed_port, refuses

RUN = ("eval", "run", "--set", "q.jsonl", "--answers", "가=a.jsonl", "--judge-model", "gpt-4.1")
COUNT = 30


@pytest.fixture
def home(tmp_path: Path) -> Path:
    questions = [{"id": f"q{number}", "instruction": f"지시 {number}"} for number in range(COUNT)]
    answers = [{"id": f"q{number}", "response": f"답 {number}"} for number in range(COUNT)]
    for name, rows in (("q.jsonl", questions), ("a.jsonl", answers)):
        (tmp_path / name).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    return tmp_path


def env(base_url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "sk-1"}


def items_of(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in kullm(home, "eval", "items", "--json").stdout.splitlines()]


def test_a_judge_that_cannot_be_reached_is_told_everywhere(home: Path) -> None:
    done = kullm(home, *RUN, "--yes", env=env(f"http://127.0.0.1:{closed_port()}/v1"))
    assert done.returncode == 1
    assert "연결하지 못했어요" in done.stderr
    assert f"오류 {COUNT}" in done.stderr
    assert all(one["status"] == "error" and "연결하지 못했어요" in one["reason"] for one in items_of(home))
    assert "연결하지 못했어요" in kullm(home, "eval", "items").stdout
    row = json.loads(kullm(home, "eval", "table", "--format", "json").stdout)["rows"][0]
    assert list(row["reasons"].values()) == [COUNT]
    with JudgeServer() as judge:
        again = kullm(home, *RUN, "--yes", env=env(judge.base_url))
    assert again.returncode == 0, again.stderr
    assert "오류" not in again.stderr


def test_calls_that_are_refused_end_with_1_a_reason_each_and_a_warning(home: Path) -> None:
    def some(body: Mapping[str, Any]) -> Reply | None:
        question = body["messages"][-1]["content"]
        return refuses(400, "오늘은 안 돼요") if zlib.crc32(question.encode()) % 5 == 0 else None

    with JudgeServer(rejects=some) as judge:
        done = kullm(home, *RUN, "--max-cost", "1", env=env(judge.base_url))
    failed = [one for one in items_of(home) if one["status"] == "error"]
    assert done.returncode == 1
    assert 0 < len(failed) < COUNT
    assert all("오늘은 안 돼요" in one["reason"] for one in failed)
    assert f"{len(failed)}개를 오류로 채점하지 못했어요" in done.stderr
    assert "우연히 고른 것이 아니라서" in done.stderr


def test_words_of_the_judge_that_cannot_be_read_are_a_result_unless_nothing_was_scored(home: Path) -> None:
    with JudgeServer(verdict=lambda _question: "좋은 답이에요.") as judge:
        done = kullm(home, *RUN, "--yes", env=env(judge.base_url))
    assert (done.returncode, f"못 읽음 {COUNT}" in done.stderr) == (1, True)


def test_a_budget_holds_and_the_message_says_what_was_spent(home: Path) -> None:
    with JudgeServer(tokens=1500) as judge:
        done = kullm(home, *RUN, "--max-cost", "0.1", env=env(judge.base_url))
        assert judge.charged <= 0.1 + 0.013
    assert done.returncode == 1
    assert done.stderr.count(f"사용 금액 ${judge.charged:.4f}") >= 2


def test_a_judge_dearer_than_was_shown_stops_where_nobody_agreed_to_more(home: Path) -> None:
    with JudgeServer(tokens=5000) as judge:
        done = kullm(home, *RUN, "--yes", env=env(judge.base_url))
        assert 0 < sum(judge.bought.values()) < COUNT
    assert done.returncode == 1
    assert "예산 $" in done.stderr


def test_a_rubric_that_wants_json_is_judged_in_free_text_where_there_are_no_schemas(home: Path) -> None:
    with JudgeServer(rejects=no_schemas) as judge:
        strict = (*RUN, "--yes", "--rubric", "kullm-2023-ko-fixed")
        done = kullm(home, *strict, env=env(judge.base_url))
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("--mode paper") == 1
        assert len(items_of(home)) == COUNT
        insisting = kullm(home, *strict, "--mode", "strict", env=env(judge.base_url))
    assert insisting.returncode == 1
    assert "--mode paper" in insisting.stderr


@pytest.mark.parametrize("option", [("--timeout", "0"), ("--timeout", "x"), ("--at-once", "0"), ("--at-once", "1.5")])
def test_a_time_out_or_a_number_of_calls_that_makes_no_sense_is_refused(home: Path, option: tuple[str, str]) -> None:
    assert kullm(home, *RUN, "--yes", *option).returncode == 2


def test_time_out_and_calls_at_once_are_settings(home: Path) -> None:
    assert kullm(home, "config", "set", "judging.timeout_seconds", "1").returncode == 0
    assert kullm(home, "config", "set", "judging.at_once", "2").returncode == 0
    assert kullm(home, "config", "set", "judging.at_once", "0").returncode == 1
    assert "at_once = 2" in kullm(home, "config", "show").stdout
    with JudgeServer(silent=lambda _question: True) as judge:
        done = kullm(home, *RUN, "--yes", env=env(judge.base_url))
        assert len(judge.requests) <= 8
    assert done.returncode == 1
    assert "기다려도 답이 오지 않았어요" in done.stderr
