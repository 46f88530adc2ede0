"""Verdicts that were bought elsewhere, from their files to the table: read by the same reader, told apart, and never bought again."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.evaluator.judge_server import FORM, JudgeServer
from tests.kullm_command import kullm

RUBRIC = '''
title = "mt"
language = "en"
source = "own"
system = ""
user = """Question: {instruction}
{input}
Answer: {response}
End with: Rating: [[1-10]]"""

[[criteria]]
name = "Rating"
low = 1
high = 10
'''
QUESTIONS = [
    {"question_id": 81, "category": "writing", "turns": ["Write.", "Rewrite."]},
    {"question_id": 82, "category": "math", "turns": ["2+2?", "And 3 more?"]},
]
ANSWERS = [{"question_id": number, "choices": [{"index": 0, "turns": ["one", "two"]}]} for number in (81, 82)]


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with JudgeServer(verdict=lambda _question: "Fine. Rating: [[2]]") as running:
        yield running


@pytest.fixture
def env(judge: JudgeServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write(tmp_path / "q.jsonl", QUESTIONS)
    write(tmp_path / "a.jsonl", ANSWERS)
    (tmp_path / "mt.toml").write_text(RUBRIC)
    return tmp_path


def write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


def fastchat(question: int, turn: int, score: int, model: str = "kullm", **more: object) -> dict[str, Any]:
    row = {"question_id": question, "model": model, "judge": ["gpt-4", "single-v1"], "user_prompt": "…", "turn": turn,
           "judgment": f"It is good.\n\nRating: [[{score}]]", "score": score, "tstamp": 1687222952.5}  # fmt: skip
    return row | more


def test_fastchats_verdicts_make_the_table_and_are_not_bought_again(
    home: Path, env: dict[str, str], judge: JudgeServer
) -> None:
    rows = [fastchat(81, 1, 9), fastchat(81, 2, 7), fastchat(82, 1, 3), {**fastchat(82, 2, 5), "score": 4}]
    rows += [fastchat(81, 1, 1, model="vicuna"), fastchat(82, 2, -1, judgment="$ERROR$")]
    write(home / "gpt-4_single.jsonl", rows)
    asked = ("--set", "q.jsonl", "--rubric", "mt.toml", "--answers", "kullm=a.jsonl")
    done = kullm(home, "eval", "import", "gpt-4_single.jsonl", *asked, env={"OPENAI_BASE_URL": judge.base_url})
    assert (done.returncode, "6.000" in done.stdout, "4/4" in done.stdout) == (0, True, True), done.stderr
    assert "gpt-4_single.jsonl에서 가져온 채점 4개" in done.stderr
    assert "채점 4개를 가져왔어요" in done.stderr
    assert "실패한 호출): 1" in done.stderr
    assert "시스템의 행: 1" in done.stderr
    assert "다르게 읽은 채점: 1" in done.stderr  # its words say 5, its score says 4: the words count
    again = kullm(home, "eval", "import", "gpt-4_single.jsonl", *asked, env={"OPENAI_BASE_URL": judge.base_url})
    assert "채점 0개를 가져왔어요. 이미 있던 것 4개" in again.stderr
    run = kullm(home, "eval", "run", *asked, "--judge-model", "gpt-4", "--yes", "--json", env=env)
    facts = json.loads(run.stdout)
    assert (run.returncode, judge.paid, facts["run"]) == (0, 0, 1), run.stderr
    assert facts["rows"][0]["imported"] == {"gpt-4_single.jsonl": 4}


def test_where_imported_numbers_come_from_stands_in_the_report(home: Path) -> None:
    write(home / "gpt-4_single.jsonl", [fastchat(81, 1, 9), fastchat(82, 1, 3)])
    asked = ("eval", "import", "gpt-4_single.jsonl", "--set", "q.jsonl", "--rubric", "mt.toml", "--answers")
    kullm(home, *asked, "k=a.jsonl")
    assert kullm(home, "eval", "table").returncode == 1  # no row names k, so there is no run of it
    done = kullm(home, *asked, "kullm=a.jsonl")
    assert done.returncode == 0, done.stderr
    origin = json.loads(kullm(home, "eval", "table", "--format", "json").stdout)["provenance"]["judge"]
    digest = hashlib.sha256((home / "gpt-4_single.jsonl").read_bytes()).hexdigest()
    assert origin["imported"] == [{"file": "gpt-4_single.jsonl", "sha256": digest, "verdicts": 2}]
    assert (origin["dollars"], origin["without_price"], origin["answered_by"]) == (0, 2, {"gpt-4": 2})
    assert origin["first"].startswith("2023-06-20")
    report = kullm(home, "eval", "table", "--format", "markdown").stdout
    assert f"2개는 gpt-4_single.jsonl에서 가져왔어요(sha256 {digest[:12]}" in report
    items = [json.loads(line) for line in kullm(home, "eval", "items", "--json").stdout.splitlines()]
    assert [one["imported"] for one in items] == ["gpt-4_single.jsonl", "", "gpt-4_single.jsonl", ""]


def test_rows_with_their_answers_beside_them_need_no_other_file(home: Path) -> None:
    """KULLM's own script writes the answer and the judge's words in one row, and names nobody."""
    write(home / "set.jsonl", [{"id": f"u{number}", "instruction": f"지시 {number}"} for number in range(3)])
    rows = [
        {"id": f"u{number}", "instruction": f"지시 {number}", "input": "", "response": "답", "response_scores": FORM}
        for number in range(3)
    ]
    write(home / "out.jsonl", [*rows[:2], {**rows[2], "response_scores": "다 좋아요."}])
    wanted = ("eval", "import", "구름=out.jsonl", "--set", "set.jsonl")
    nameless = kullm(home, *wanted)
    assert (nameless.returncode, "--judge-model" in nameless.stderr) == (2, True), nameless.stderr
    done = kullm(home, *wanted, "--judge-model", "gpt-4")
    assert (done.returncode, "2/3" in done.stdout) == (0, True), done.stderr
    # What we export ourselves comes back as it was, on another machine too.
    (home / "items.jsonl").write_text(kullm(home, "eval", "items", "--json").stdout)
    other = home / "other"
    other.mkdir()
    write(other / "set.jsonl", [{"id": f"u{number}", "instruction": f"지시 {number}"} for number in range(3)])
    (other / "items.jsonl").write_bytes((home / "items.jsonl").read_bytes())
    back = kullm(other, "eval", "import", "items.jsonl", "--set", "set.jsonl")
    assert (back.returncode, back.stdout) == (0, done.stdout), back.stderr


def test_every_fault_of_a_file_is_told_with_its_line_and_nothing_is_kept(home: Path) -> None:
    lines = [json.dumps(fastchat(81, 1, 9)), "{", "[]", json.dumps(fastchat(99, 1, 9)), json.dumps(fastchat(82, 1, 9))]
    lines += [json.dumps(fastchat(82, 1, 9)), json.dumps({"output_1": "a", "output_2": "b"})]
    lines += [json.dumps({**fastchat(82, 2, 9), "judgment": None})]
    (home / "v.jsonl").write_text("\n".join(lines))
    wanted = ("eval", "import", "v.jsonl", "--set", "q.jsonl", "--rubric", "mt.toml", "--answers", "kullm=a.jsonl")
    done = kullm(home, *wanted)
    assert done.returncode == 1
    told = done.stderr
    assert ["2행: JSON이 아니에요" in told, "3행: JSON 객체가" in told, "4행: 질문 모음에 없는" in told] == [
        True
    ] * 3, told
    assert ["6행: 5행과 똑같아요" in told, "7행: 둘을 비교한" in told, "그 밖에 1행" in told] == [True] * 3, told
    assert kullm(home, "eval", "table").returncode == 1
    (home / "v.jsonl").write_text("\n".join([lines[0], json.dumps({**fastchat(82, 1, 9), "response": "other"})]))
    clash = kullm(home, *wanted)
    assert (clash.returncode, "2행: kullm: 채점한 답이 --answers의 답과 달라요" in clash.stderr) == (1, True), (
        clash.stderr
    )


@pytest.mark.shared_data
def test_real_judgments_of_kullm_and_koalpaca_are_imported(tmp_path: Path, shared_file: Callable[[str], Path]) -> None:
    files = {"KULLM": "nlpai-lab-kullm-polyglot-12.8b-v2.jsonl", "KoAlpaca": "beomi-KoAlpaca-Polyglot-12.8B.jsonl"}
    rows = [json.loads(line) for line in shared_file(f"komt/{files['KULLM']}").read_text().splitlines() if line.strip()]
    write(tmp_path / "q.jsonl", [{"id": row["id"], "instruction": row["instruction"]} for row in rows])
    (tmp_path / "mt.toml").write_text(RUBRIC)
    given = [f"{name}={shared_file(f'komt/{file}')}" for name, file in files.items()]
    done = kullm(
        tmp_path, "eval", "import", *given, "--set", "q.jsonl", "--rubric", "mt.toml", "--judge-model", "gpt-3.5-turbo"
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(kullm(tmp_path, "eval", "table", "--format", "json").stdout)
    assert [(row["model"], sum(row["imported"].values()) == row["n"]) for row in facts["rows"]] == [
        ("KULLM", True),
        ("KoAlpaca", True),
    ]
    assert min(row["n"] for row in facts["rows"]) >= 25
