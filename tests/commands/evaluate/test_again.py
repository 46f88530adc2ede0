"""Verdicts that could not be read, and the runs that they belong to: asked again, read by hand, told in the table's foot."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.evaluator.judge_server import FORM, FORM_SCORES, JudgeServer
from tests.kullm_command import Terminal, kullm

MUMBLED = "모두 훌륭한 편이라고 생각합니다. 품질은 넷쯤입니다."


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    """Mumbles at `흐린 답 1` the first time, at `흐린 답 2` each time."""

    def verdict(question: str) -> str:
        times = running.bought[question]
        return MUMBLED if ("흐린 답 2" in question or ("흐린 답 1" in question and times == 0)) else FORM

    with JudgeServer(verdict=verdict) as running:
        yield running


@pytest.fixture
def env(judge: JudgeServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}


@pytest.fixture
def home(tmp_path: Path, env: dict[str, str]) -> Path:
    """After a run with two verdicts that could not be read."""
    write(tmp_path / "q.jsonl", [{"id": f"q{number}", "instruction": f"지시 {number}"} for number in range(4)])
    # As the lab's own files have it: `answer`, and a line break after the instruction.
    answers = [
        {"id": f"q{number}", "instruction": f"지시 {number}\n", "answer": f"{'흐린 ' * (number in (1, 2))}답 {number}"}
        for number in range(4)
    ]
    write(tmp_path / "a.jsonl", answers)
    done = kullm(tmp_path, "eval", "run", "--set", "q.jsonl", "--answers", "남=a.jsonl", "--yes", env=env)
    assert "2/4" in done.stdout, done.stderr
    assert "평가 1번이에요" in done.stderr
    return tmp_path


def write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


def table(home: Path) -> dict[str, object]:
    facts = json.loads(kullm(home, "eval", "table", "--format", "json").stdout)
    assert facts["run"] == 1
    row: dict[str, object] = facts["rows"][0]
    return row


def test_unreadable_verdicts_are_asked_for_again_and_the_foot_says_so(
    home: Path, env: dict[str, str], judge: JudgeServer
) -> None:
    paid = judge.paid
    done = kullm(home, "eval", "retry", "--yes", env=env)
    assert (done.returncode, "2개를 다시 물어 1개에" in done.stderr) == (1, True), done.stderr
    assert judge.paid == paid + 2
    row = table(home)
    assert (row["n"], row["asked_again"], row["by_hand"]) == (3, 1, {})
    assert "남: 다시 물어 얻은 점수 1개" in kullm(home, "eval", "table").stderr
    assert kullm(home, "eval", "retry", "--yes", env=env).returncode == 1
    assert judge.paid == paid + 3  # the one that was read is not asked for a third time


def test_asking_again_warns_of_a_judge_that_will_be_shut_down(
    home: Path, env: dict[str, str], judge: JudgeServer
) -> None:
    judge.shutdown_dates["gpt-4.1-2025-04-14"] = "2027-01-14"
    done = kullm(home, "eval", "retry", "--yes", env=env)
    assert "2027-01-14에 서비스가 끝나요" in done.stderr


def test_a_score_read_by_hand_says_who_read_it_and_is_never_mixed_in_unsaid(home: Path, env: dict[str, str]) -> None:
    write(home / "hand.jsonl", [{"id": "q2", "model": "남", "scores": FORM_SCORES}])
    done = kullm(home, "eval", "rescore", "--scores", "hand.jsonl", "--by", "홍길동")
    assert done.returncode == 0, done.stderr
    row = table(home)
    assert (row["n"], row["by_hand"]) == (3, {"홍길동": 1})
    assert "사람이 읽고 적은 점수 1개 (홍길동)" in kullm(home, "eval", "table").stderr
    assert "사람이 읽고 적은 점수 1개 (홍길동)" in kullm(home, "eval", "table", "--format", "markdown").stdout
    items = {one["id"]: one for one in map(json.loads, kullm(home, "eval", "items", "--json").stdout.splitlines())}
    assert (items["q2"]["by_hand"]["reader"], items["q2"]["text"]) == ("홍길동", MUMBLED)
    assert items["q0"]["by_hand"] is None
    # What the judge says when it is asked again comes before what a person read in its first words.
    assert kullm(home, "eval", "retry", "--yes", env=env).returncode == 0
    assert (table(home)["n"], table(home)["by_hand"]) == (4, {"홍길동": 1})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "q2", "model": "남", "scores": {**FORM_SCORES, "전반적인 품질": 6}}, "1–5의 점수"),
        ({"id": "q2", "model": "남", "scores": {"전반적인 품질": 4}}, "0–1의 점수"),
        ({"id": "q2", "model": "남", "scores": {**FORM_SCORES, "멋": 1}}, "없는 기준"),
        ({"id": "q0", "model": "남", "scores": FORM_SCORES}, "점수 없는 채점에 들어 있지 않아요"),
        ({"id": "q2"}, "id, model, scores"),
    ],
)
def test_hand_scores_that_do_not_fit_are_refused_whole(home: Path, row: dict[str, object], said: str) -> None:
    write(home / "hand.jsonl", [{"id": "q1", "model": "남", "scores": FORM_SCORES}, row])
    done = kullm(home, "eval", "rescore", "--scores", "hand.jsonl")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert table(home)["n"] == 2


def test_at_a_terminal_each_is_shown_and_asked_about(home: Path) -> None:
    terminal = Terminal(home, "eval", "rescore", "--by", "가")
    terminal.waits_for("[1/2] 지시 1")
    terminal.waits_for("품질은 넷쯤입니다")
    terminal.types("1 3 2 1 0 9\r")
    terminal.waits_for("1–5의 점수")
    terminal.types("1 3 2\r")
    terminal.waits_for("기준마다 하나씩")
    terminal.types("1 3 2 1 0 4\r")
    terminal.waits_for("[2/2] 지시 2")
    terminal.types("\r")
    terminal.waits_for("1개를 가 이름으로")
    assert terminal.ends() == 0
    assert (table(home)["n"], table(home)["by_hand"]) == (3, {"가": 1})


def test_runs_are_listed_with_the_numbers_that_other_verbs_take(home: Path, env: dict[str, str]) -> None:
    done = kullm(home, "eval", "run", "--set", "q.jsonl", "--answers", "다른=a.jsonl", "--yes", env=env)
    assert "평가 2번이에요" in done.stderr
    listed = [json.loads(line) for line in kullm(home, "eval", "list", "--json").stdout.splitlines()]
    assert [(one["run"], one["systems"], one["judge"]) for one in listed] == [
        (2, ["다른"], "gpt-4.1-2025-04-14"),
        (1, ["남"], "gpt-4.1-2025-04-14"),
    ]
    assert "2" in kullm(home, "eval", "list").stdout
    assert "남" in kullm(home, "eval", "table", "--run", "1").stdout


def test_without_a_run_the_list_says_how_to_begin(tmp_path: Path) -> None:
    done = kullm(tmp_path, "eval", "list")
    assert (done.returncode, "kullm eval run" in done.stdout) == (0, True)
    assert kullm(tmp_path, "eval", "list", "--json").stdout == ""


def test_rows_to_judge_may_call_their_response_an_answer(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path / "rows.jsonl", [{"id": 0, "instruction": "수도는?", "answer": "서울", "chatgpt": "2", "score": 2}])
    done = kullm(tmp_path, "judge", "--json", "--yes", "rows.jsonl", env=env)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "ok"), done.stderr
