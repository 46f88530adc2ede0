"""Before and after from the command line: real answers of the demo model or of a server, a real judge, a person at a terminal."""

import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.models.profiles import shipped_profiles
from tests.evaluator.arbiter import Arbiter
from tests.kullm_command import Terminal, kullm
from tests.openai_server import OpenAIServer, Part, Received, Reply, says

QUESTIONS = [{"id": f"q{n}", "instruction": f"질문 {n}"} for n in range(8)]


class TwoModels(OpenAIServer):
    """`old` says one thing to every question; `new` says more to all but the first."""

    def answer(self, request: Received) -> Reply:
        question = request.body["messages"][-1]["content"]
        is_longer = request.body["model"] == "new" and question != "질문 0"
        return says(f"{question}의 답" + ("입니다. 더 자세히 말하면 이렇습니다." if is_longer else "."))


class OneWaitsForTheOther(TwoModels):
    """Neither model says a word before the other was asked the same."""

    def answer(self, request: Received) -> Reply:
        reply = super().answer(request)
        return replace(reply, parts=self._once_both_were_asked(request.body["messages"], reply.parts))

    def _once_both_were_asked(self, messages: object, parts: Iterable[Part]) -> Iterator[Part]:
        deadline = time.monotonic() + 120
        while len({one.body["model"] for one in self.requests if one.body["messages"] == messages}) < 2:
            if time.monotonic() > deadline:
                return  # the client is told of a reply that was cut
            yield 0.01
        yield from parts


@pytest.fixture
def models() -> Iterator[TwoModels]:
    with TwoModels() as running:
        yield running


@pytest.fixture
def judge() -> Iterator[Arbiter]:
    with Arbiter() as running:
        yield running


@pytest.fixture
def env(judge: Arbiter) -> dict[str, str]:
    return {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}


@pytest.fixture
def home(tmp_path: Path, models: TwoModels) -> Path:
    (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{models.base_url}"}}]\n')
    write(tmp_path / "q.jsonl", QUESTIONS)
    return tmp_path


def write(file: Path, rows: Sequence[Mapping[str, object]]) -> None:
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def compared(home: Path, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    done = kullm(home, "eval", "before-after", *arguments, "--json", env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_two_adapters_over_one_base_are_graded_offline_and_the_result_is_kept(tmp_path: Path) -> None:
    """The demo's own: `base` was never tuned to answer in the template, and the adapter was."""
    folder = tmp_path / "trained"
    shutil.copytree(shipped_profiles()["demo-kullm"].folder, folder)
    (folder / "kullm.toml").write_text('template = "kullm-v2"\nbase = "demo-base"\n')
    assert kullm(tmp_path, "adapters", "import", str(folder), "--name", "mine").returncode == 0
    run = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    job = tmp_path / "jobs" / run
    job.mkdir(parents=True)
    (job / "spec.json").write_text("{}")
    made = tmp_path / "adapters" / "mine" / "made.json"
    made.write_text(json.dumps({"run": run}))

    found = compared(tmp_path, "demo-koalpaca", "mine", "--limit", "30")
    assert (found["before"], found["after"]) == ("demo-koalpaca", "demo-base+mine")
    (part,) = found["parts"]
    assert (part["set"], part["grader"], part["n"], part["open"]) == ("demo", "known", 30, 0)
    assert min(part["right"].values()) >= 20
    assert part["right"]["after"] - part["right"]["before"] == part["better"] - part["worse"]
    assert part["low"] <= part["mean"] <= part["high"]
    assert json.loads((job / "before-after" / "0001.json").read_text())["parts"] == found["parts"]

    card = kullm(tmp_path, "adapters", "card", "mine").stdout
    assert "demo-koalpaca" in card
    assert f"{part['right']['before']}→{part['right']['after']}" in card
    # The card is no part of what answers: nothing is asked anew, and the newest result takes the place of the one before it.
    again = compared(tmp_path, "demo-koalpaca", "mine", "--limit", "30")
    assert again["systems"] == found["systems"]
    assert sorted(one.name for one in (job / "before-after").iterdir()) == ["0001.json", "0002.json"]
    facts = json.loads(kullm(tmp_path, "adapters", "card", "mine", "--json").stdout)["card"]
    assert [one["before"] for one in facts["before_after"]] == ["demo-koalpaca"]
    assert "changes" not in facts["before_after"][0]
    kullm(tmp_path, "engine", "stop")


def test_a_judge_says_what_nobody_knows_and_what_was_answered_is_not_asked_again(
    home: Path, env: dict[str, str], judge: Arbiter, models: TwoModels
) -> None:
    arguments = ("home/old", "home/new", "--set", "q.jsonl", "--yes")
    (part,) = compared(home, *arguments, env=env)["parts"]
    assert (part["grader"], part["open"], part["better"]) == ("", 7, 0)
    asked = len(models.requests)
    assert asked == 2 * len(QUESTIONS)
    found = compared(home, *arguments, "--judge", env=env)
    (part,) = found["parts"]
    assert (part["grader"], part["open"], part["better"], part["worse"]) == ("judge", 0, 7, 0)
    assert (part["low"] > 0, part["p"] < 0.05) == (True, True)
    assert (len(models.requests), judge.paid) == (asked, 14)
    assert {request.body["temperature"] for request in models.requests} == {0}


def test_both_are_asked_at_the_same_time(tmp_path: Path) -> None:
    """So that two adapters over one base stand in one batch of the engine."""
    with OneWaitsForTheOther() as models:
        (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{models.base_url}"}}]\n')
        write(tmp_path / "q.jsonl", QUESTIONS)
        found = compared(tmp_path, "home/old", "home/new", "--set", "q.jsonl", "--yes")
    assert found["parts"][0]["n"] == len(QUESTIONS)


def test_what_got_worse_is_shown_first(home: Path, env: dict[str, str], judge: Arbiter) -> None:
    judge.choose = lambda one, other: 3 if "3의" in one and len(one) > len(other) else 1 if "3의" in one else 2
    done = kullm(home, "eval", "before-after", "home/old", "home/new", "--set", "q.jsonl", "--judge", "--yes", env=env)
    assert done.returncode == 0, done.stderr
    worse = done.stdout.partition("나빠진 답 (1)")[2]
    assert worse.split()[:2] == ["질문", "3"]
    assert "순서를 바꾸어" in done.stderr


def test_a_blind_vote_at_the_terminal_decides_the_rest(home: Path) -> None:
    terminal = Terminal(home, "eval", "before-after", "home/old", "home/new", "--set", "q.jsonl", "--limit", "3", "--vote", "--yes")  # fmt: skip
    terminal.waits_for("[1/2]")
    terminal.waits_for("q: ")
    assert "old" not in terminal.shown
    first = terminal.shown.partition("── 1")[2].partition("── 2")[0]
    terminal.types("1\n")
    terminal.waits_for("[2/2]")
    terminal.types("0\n")
    assert terminal.ends() == 0
    better = "자세히" in first
    assert f"{'나아진' if better else '나빠진'} 답 (1)" in terminal.shown
    assert "이름을 가린 투표" in terminal.shown


def test_what_was_said_before_a_correction_is_said_again(home: Path, models: TwoModels) -> None:
    prompt = [
        {"role": "user", "content": "처음"},
        {"role": "assistant", "content": "틀린 답"},
        {"role": "user", "content": "다시"},
    ]
    write(home / "pairs.jsonl", [{"prompt": prompt, "chosen": "다시의 답", "rejected": "틀린 답"}])
    (part,) = compared(home, "home/old", "home/new", "--set", "pairs.jsonl", "--yes")["parts"]
    assert part["right"] == {"before": 1, "after": 0, "kept": 0}
    said = [[one["content"] for one in request.body["messages"]] for request in models.requests]
    assert said == [["처음", "틀린 답", "다시"]] * 2


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("home/old", "home/old", "--set", "q.jsonl"), 2, "같은 모델"),
        (("base", "home/new", "--set", "q.jsonl"), 2, "어댑터가 아니라서"),
        (("home/old", "home/new"), 2, "--set"),
        (("home/old", "home/new", "--set", "none.jsonl"), 1, "none.jsonl"),
        (("home/old", "home/new", "--set", "q.jsonl", "--vote", "--yes"), 2, "터미널"),
        (("home/old", "home/new", "--set", "q.jsonl", "--vote", "--judge"), 2, "--judge"),
        (("home/old", "polyglot-ko-5.8b", "--set", "q.jsonl"), 1, "kullm models pull polyglot-ko-5.8b"),
    ],
)
def test_what_cannot_be_is_told(home: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    done = kullm(home, "eval", "before-after", *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_text_leaves_for_an_endpoint_only_after_somebody_agreed(home: Path, models: TwoModels) -> None:
    away = home / "away"
    away.mkdir()
    (away / "config.toml").write_text('endpoints = [{name = "far", base_url = "https://far.example/v1"}]\n')
    write(away / "q.jsonl", QUESTIONS)
    done = kullm(away, "eval", "before-after", "far/old", "far/new", "--set", "q.jsonl")
    assert done.returncode != 0
    assert "far.example" in done.stderr
    assert models.requests == []
