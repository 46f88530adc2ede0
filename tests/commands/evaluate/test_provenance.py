"""A report says where its numbers come from, so that another person can get them again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.rubric import load_rubric
from kullm_tui import __version__
from tests.evaluator.judge_server import JudgeServer
from tests.kullm_command import kullm
from tests.openai_server import OpenAIServer


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, judge: JudgeServer) -> Iterator[Path]:
    (tmp_path / "q.jsonl").write_text('{"id": "a", "instruction": "하나"}\n{"id": "b", "instruction": "둘"}\n')
    (tmp_path / "a.jsonl").write_text('{"id": "a", "response": "답"}\n{"id": "b", "response": "다른 답"}\n')
    env = {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}
    with OpenAIServer() as model:
        (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{model.base_url}"}}]\n')
        run = ("eval", "run", "--set", "q.jsonl", "-m", "home/m", "--answers", "남=a.jsonl", "--decoding", "paper")
        done = kullm(tmp_path, *run, "--yes", env=env)
        assert done.returncode == 0, done.stderr
        yield tmp_path


def test_json_holds_versions_hashes_decoding_dates_and_the_price(home: Path, judge: JudgeServer) -> None:
    facts = json.loads(kullm(home, "eval", "table", "--format", "json").stdout)["provenance"]
    rubric = load_rubric("kullm-2023-ko")
    assert (facts["kullm"], facts["run"]) == (__version__, 1)
    assert facts["rubric"]["sha256"] == rubric.sha256
    assert (facts["questions"]["items"], len(facts["questions"]["sha256"])) == (2, 64)
    assert facts["judge"]["answered_by"] == {"gpt-4.1-2025-04-14": 4}
    assert (facts["judge"]["address"], facts["judge"]["parameters"]) == (judge.base_url, {"temperature": 0})
    assert facts["judge"]["fingerprints"] == {"fp_1": 4}
    assert facts["judge"]["dollars"] == pytest.approx(4 * (500 * 2 + 80 * 8) / 1e6)
    assert facts["judge"]["price"] == {"input": 2.0, "output": 8.0, "as_of": "2025-08"}
    assert facts["judge"]["first"] <= facts["judge"]["last"] <= facts["written"]
    model, imported = facts["systems"]
    assert (model["model"], bool(model["decoding"])) == ("m", True)
    assert (imported["file"], len(imported["sha256"])) == ("a.jsonl", 64)


def test_markdown_holds_the_same_for_a_reader(home: Path) -> None:
    text = kullm(home, "eval", "table", "--format", "markdown").stdout.split("## 출처")[1]
    for words in (
        f"kullm {__version__}",
        "kullm-2023-ko, sha256",
        "temperature 0",
        "$2/$8 / 1M (2025-08)",
        "가져온 답 a.jsonl",
    ):
        assert words in text
