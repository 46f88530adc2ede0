"""Win rates over a set from the command line, judged by a real judge that goes by place, by length or by the answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.evaluator.arbiter import Arbiter
from tests.kullm_command import kullm

ITEMS = 12


@pytest.fixture
def judge() -> Iterator[Arbiter]:
    with Arbiter() as running:
        yield running


@pytest.fixture
def env(judge: Arbiter) -> dict[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}


@pytest.fixture
def home(tmp_path: Path, env: dict[str, str]) -> Path:
    """After a run of three systems; 긴 writes more in eight of twelve, 짧은 never."""
    write(
        tmp_path / "q.jsonl",
        [{"id": f"q{n}", "instruction": f"지시 {n}", "category": "가나"[n % 2]} for n in range(ITEMS)],
    )
    for name, answer in (("기준", "답" * 20), ("긴", ""), ("짧은", "답")):
        rows = [{"id": f"q{n}", "response": (answer or "답" * (40 if n < 8 else 10)) + str(n)} for n in range(ITEMS)]
        write(tmp_path / f"{name}.jsonl", rows)
    answers = [part for name in ("기준", "긴", "짧은") for part in ("--answers", f"{name}={name}.jsonl")]
    done = kullm(tmp_path, "eval", "run", "--set", "q.jsonl", *answers, "--yes", env=env)
    assert done.returncode == 0, done.stderr
    return tmp_path


def write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


def rates(home: Path, env: dict[str, str], *more: str) -> dict[str, Any]:
    done = kullm(home, "eval", "win", "--baseline", "기준", "--format", "json", "--yes", *more, env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_system_has_its_rate_its_interval_and_its_rate_at_equal_length(
    home: Path, env: dict[str, str], judge: Arbiter
) -> None:
    paid = judge.paid
    found = rates(home, env)
    assert judge.paid == paid + 2 * 2 * ITEMS
    long, short = found["rows"]
    assert (long["model"], long["wins"], long["losses"], long["n"]) == ("긴", 8, 4, ITEMS)
    assert long["rate"] == pytest.approx(8 / 12)
    assert (long["low"] <= 0.5 <= long["high"]) == (long["p"] >= 0.05)
    assert (short["rate"], short["high"] < 0.5, short["p"] < 0.05, short["p_holm"] < 0.05) == (0, True, True, True)
    # A judge that goes by length alone: with the length taken out, neither is better.
    assert long["at_equal_length"] == pytest.approx(0.5, abs=0.1)
    assert long["at_equal_length_low"] <= long["at_equal_length"] <= long["at_equal_length_high"]
    assert {one["group"]: one["rows"][0]["n"] for one in found["groups"]} == {"가": 6, "나": 6}
    assert rates(home, env) == found
    assert judge.paid == paid + 2 * 2 * ITEMS


def test_a_judge_that_goes_by_the_place_finds_ties_and_the_foot_says_so(
    home: Path, env: dict[str, str], judge: Arbiter
) -> None:
    judge.choose = lambda _one, _other: 1
    done = kullm(home, "eval", "win", "--baseline", "기준", "--yes", env=env)
    assert done.returncode == 0, done.stderr
    assert "0-12-0" in done.stdout
    assert "50.0" in done.stdout
    assert "순서를 바꾸자 뒤집힌 것 12" in done.stderr


def test_it_is_written_as_markdown_with_the_judge_and_the_method_beside_it(home: Path, env: dict[str, str]) -> None:
    done = kullm(home, "eval", "win", "--baseline", "기준", "--format", "markdown", "--yes", env=env)
    assert "| 긴 | 66.7 |" in done.stdout
    assert "로지스틱" in done.stderr
    assert "pairwise-ko" in done.stderr


def test_a_baseline_that_is_no_system_and_a_budget_are_told_before_anything_is_bought(
    home: Path, env: dict[str, str], judge: Arbiter
) -> None:
    paid = judge.paid
    done = kullm(home, "eval", "win", "--baseline", "없는것", "--yes", env=env)
    assert (done.returncode, "기준, 긴, 짧은" in done.stderr) == (2, True)
    refused = kullm(home, "eval", "win", "--baseline", "기준", env=env)
    assert refused.returncode != 0
    assert judge.paid == paid
