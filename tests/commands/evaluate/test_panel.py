"""Several askings of one judge, and several judges as one panel: bought N-fold and never twice, and told with their own variance."""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.evaluator.judge_server import FORM, JudgeServer, no_schemas
from tests.kullm_command import COMMAND, environment, kullm

COUNT = 8
MUMBLED = "좋은 답이라고 생각합니다."
BOTH = ("--answers", "가=가.jsonl", "--answers", "나=나.jsonl")
RUN = ("eval", "run", "--set", "q.jsonl", *BOTH, "--yes")
QUALITY = "전반적인 품질"


def form(quality: int) -> str:
    return FORM.replace("(1 - 5): 4", f"(1 - 5): {quality}")


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    """Says 4, then 3, then 5 of the same answer; cannot be read the second time where the answer is `가의 답 1`, nor ever at `가의 답 2`."""

    def verdict(question: str) -> str:
        times = running.bought[question]
        is_mumbled = "가의 답 2" in question or ("가의 답 1" in question and times == 1)
        return MUMBLED if is_mumbled else form((4, 3, 5)[times % 3])

    with JudgeServer(verdict=verdict) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path / "q.jsonl", [{"id": f"q{number}", "instruction": f"지시 {number}"} for number in range(COUNT)])
    for name in "가나":
        rows = [{"id": f"q{number}", "response": f"{name}의 답 {number}"} for number in range(COUNT)]
        write(tmp_path / f"{name}.jsonl", rows)
    return tmp_path


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


def env(judge: JudgeServer) -> Mapping[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}


def facts(home: Path, *arguments: str) -> dict[str, Any]:
    done = kullm(home, *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_answer_is_judged_so_many_times_and_its_mean_and_the_judges_own_spread_are_told(
    home: Path, judge: JudgeServer
) -> None:
    once = 2 * COUNT
    done = kullm(home, *RUN, "--judge-model", "gpt-4.1", "--repeats", "3", env=env(judge))
    assert done.returncode == 0, done.stderr
    assert judge.paid == 3 * once
    assert f"gpt-4.1에게 {3 * once}번 물어요" in done.stderr
    table = facts(home, "eval", "table", "--format", "json")
    rows = {row["model"]: row for row in table["rows"]}
    assert (rows["가"]["n"], rows["나"]["n"]) == (COUNT - 1, COUNT)
    assert rows["나"]["scores"][QUALITY]["mean"] == 4  # of 4, 3 and 5
    assert rows["가"]["scores"][QUALITY]["mean"] == pytest.approx((4 * (COUNT - 2) + 4.5) / (COUNT - 1))
    steady = table["repeats"]
    assert (steady["asked"], steady["answers"], steady["read"]) == (3, once - 1, 3 * (once - 1) - 1)
    squares, free = (once - 2) * 2 + 0.5, (once - 2) * 2 + 1
    assert steady["own_deviation"][QUALITY] == pytest.approx((squares / free) ** 0.5)
    assert f"{QUALITY} {(squares / free) ** 0.5:.2f}" in kullm(home, "eval", "table").stderr
    items = {(row["system"], row["id"]): row for row in map(json.loads, kullm(home, "eval", "items", "--json").stdout.splitlines())}  # fmt: skip
    assert [one[QUALITY] for one in items["나", "q0"]["each"]] == [4, 3, 5]
    assert "gpt-4.1 ×3" in kullm(home, "eval", "list").stdout
    again = kullm(home, *RUN, "--judge-model", "gpt-4.1", "--repeats", "3", env=env(judge))
    assert (again.returncode, judge.paid) == (0, 3 * once)
    assert kullm(home, *RUN, "--judge-model", "gpt-4.1", "--repeats", "4", env=env(judge)).returncode == 0
    assert judge.paid == 4 * once


def test_a_judge_without_schemas_is_found_out_once_and_asked_in_free_text_in_every_round(home: Path) -> None:
    with JudgeServer(rejects=no_schemas) as server:
        strict = (*RUN, "--judge-model", "gpt-4.1", "--rubric", "kullm-2023-ko-fixed", "--repeats", "2")
        done = kullm(home, *strict, env=env(server))
        assert (done.returncode, done.stderr.count("--mode paper")) == (0, 1), done.stderr
        assert set(server.bought.values()) == {2}
    assert facts(home, "eval", "table", "--format", "json")["repeats"]["read"] == 2 * 2 * COUNT


def test_an_answer_that_no_round_could_be_read_of_is_asked_about_again_under_a_new_number(
    home: Path, judge: JudgeServer
) -> None:
    kullm(home, *RUN, "--judge-model", "gpt-4.1", "--repeats", "2", env=env(judge))
    paid = judge.paid
    done = kullm(home, "eval", "retry", "--yes", env=env(judge))
    assert (done.returncode, judge.paid) == (1, paid + 1), done.stderr


def test_a_budget_holds_over_all_rounds_and_what_is_missing_is_told(home: Path, judge: JudgeServer) -> None:
    arguments = [one for one in RUN if one != "--yes"]
    done = kullm(home, *arguments, "--judge-model", "gpt-4.1", "--repeats", "3", "--max-cost", "0.04", env=env(judge))
    assert done.returncode == 1, done.stderr
    assert 2 * COUNT < judge.paid < 6 * COUNT
    assert judge.charged <= 0.04 + 0.002
    assert kullm(home, *RUN, "--judge-model", "gpt-4.1", "--repeats", "3", env=env(judge)).returncode == 0
    assert judge.paid == 6 * COUNT


def test_a_run_that_is_killed_in_its_second_round_goes_on_there_and_buys_nothing_twice(home: Path) -> None:
    """One call at a time: when the next one arrives, the reply before it is written down."""
    reached, go_on = threading.Event(), threading.Event()
    deadly = 2 * COUNT + 5  # the call during which the program dies

    def verdict(_question: str) -> str:
        if running.paid == deadly - 1 and not go_on.is_set():
            reached.set()
            go_on.wait(120)
        return form(4)

    with JudgeServer(verdict=verdict) as running:
        arguments = [*RUN, "--judge-model", "gpt-4.1", "--repeats", "3", "--at-once", "1"]
        run = subprocess.Popen(
            [*COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment(home, **env(running)), cwd=home,
        )  # fmt: skip
        try:
            assert reached.wait(120)
        finally:
            run.kill()
            run.wait()
            go_on.set()
        done = kullm(home, *arguments, env=env(running))
        assert done.returncode == 0, done.stderr
        times = Counter(running.bought.values())
    # The call that was under way when it died was answered to nobody, and so bought once more.
    assert times == {3: 2 * COUNT - 1, 4: 1}


@pytest.fixture
def two_runs(home: Path) -> Path:
    """Run 1: steady, and gives `가` a 4, `나` a 3. Run 2, of three askings: one point more severe, and unsteady at `나`."""

    def steady(question: str) -> str:
        return form(4 if "가의 답" in question else 3)

    def unsteady(question: str) -> str:
        if "나의 답 7" in question:
            return MUMBLED
        number = int(question.split("의 답 ")[1][0])
        return form(3 if "가의 답" in question else (2, 1, 3)[server.bought[question] % 3] if number else 2)

    with JudgeServer(verdict=steady) as server:
        done = kullm(home, *RUN, "--judge-model", "gpt-4.1", env=env(server))
        assert done.returncode == 0, done.stderr
    with JudgeServer(verdict=unsteady) as server:
        done = kullm(home, *RUN, "--judge-model", "gpt-4o", "--repeats", "3", env=env(server))
        assert done.returncode == 0, done.stderr
    return home


def test_two_runs_are_one_panel_with_each_judges_severity_and_own_spread(two_runs: Path) -> None:
    panel = facts(two_runs, "eval", "panel", "--runs", "1,2", "--json")
    assert panel["judges"] == ["gpt-4.1", "gpt-4o"]
    rows = {row["model"]: row for row in panel["rows"]}
    assert (rows["가"]["n"], rows["가"]["left_out"]) == (COUNT, 0)
    assert (rows["나"]["n"], rows["나"]["left_out"]) == (COUNT - 1, 1)
    assert (rows["가"]["scores"][QUALITY]["mean"], rows["나"]["scores"][QUALITY]["mean"]) == (3.5, 2.5)
    each = {name: one[QUALITY] for name, one in panel["each_judge"].items()}
    assert (each["gpt-4.1"]["leniency"], each["gpt-4o"]["leniency"]) == (0.5, -0.5)
    assert each["gpt-4.1"]["own_deviation"] is None
    assert each["gpt-4o"]["own_deviation"] == pytest.approx(((COUNT - 2) * 2 / ((2 * COUNT - 1) * 2)) ** 0.5)
    agreement = panel["agreement"][QUALITY]
    assert agreement["answers"] == 2 * COUNT - 1
    assert agreement["between_judges"] == pytest.approx(0.5**0.5)  # two judges, one point apart on every answer
    assert agreement["alpha"] < 0.5
    (pair,) = panel["differences"]
    assert (pair["models"], pair["mean"], pair["n"]) == (["가", "나"], 1.0, COUNT - 1)
    assert pair["low"] is None  # the same on every answer: nothing to go by


def test_a_panel_is_shown_for_reading_and_in_markdown(two_runs: Path) -> None:
    shown = kullm(two_runs, "eval", "panel", "--runs", "1,2")
    assert shown.returncode == 0, shown.stderr
    assert "3.500 [" in shown.stdout
    assert "Satterthwaite" in shown.stderr
    assert "나: 모든 채점자의 점수가 있지 않은 답 1개는 넣지 않았어요" in shown.stderr
    document = kullm(two_runs, "eval", "panel", "--runs", "1,2", "--format", "markdown").stdout
    assert "| gpt-4o | 전반적인 품질 | -0.500 |" in document
    assert "Satterthwaite" in document
    alone = kullm(two_runs, "eval", "panel", "--runs", "2")
    assert "S²/n" in alone.stderr


def test_a_panel_without_one_answer_that_every_judge_scored_says_so_and_ends_with_1(two_runs: Path) -> None:
    with JudgeServer(verdict=lambda _question: MUMBLED) as server:
        kullm(two_runs, *RUN, "--judge-model", "gpt-4.1-mini", env=env(server))
    done = kullm(two_runs, "eval", "panel", "--runs", "1,3")
    assert done.returncode == 1, done.stderr
    assert f"0/{COUNT}" in done.stdout
    assert f"가: 모든 채점자의 점수가 있지 않은 답 {COUNT}개" in done.stderr


def test_runs_of_other_answers_rubrics_or_questions_are_no_panel_and_it_says_why(two_runs: Path) -> None:
    home = two_runs
    others = {
        "시스템": ("--set", "q.jsonl", "--answers", "가=가.jsonl"),
        "채점 기준": ("--set", "q.jsonl", *BOTH, "--rubric", "kullm-2023-ko-fixed", "--mode", "paper"),
        "질문 모음": ("--set", "p.jsonl", *BOTH),
    }
    write(home / "p.jsonl", [{"id": f"q{number}", "instruction": f"다른 지시 {number}"} for number in range(COUNT)])
    with JudgeServer() as server:
        for number, (kind, arguments) in enumerate(others.items(), start=3):
            kullm(home, "eval", "run", *arguments, "--judge-model", "gpt-4.1", "--yes", env=env(server))
            refused = kullm(home, "eval", "panel", "--runs", f"1,{number}")
            assert refused.returncode == 2, refused.stderr
            assert f"1번과 {number}번은 {kind}" in refused.stderr
    assert kullm(home, "eval", "panel", "--runs", "1,1").returncode == 2
    assert kullm(home, "eval", "panel", "--runs", "1,x").returncode == 2


@pytest.mark.parametrize("number", ["0", "101", "-1", "x", "1.5"])
def test_a_number_of_repeats_that_makes_no_sense_is_refused(home: Path, number: str) -> None:
    assert kullm(home, *RUN, f"--repeats={number}").returncode == 2
