"""A home that an earlier version wrote opens in this one, with everything in it.

`homes/` has such homes as they were, without what can be made again (caches, the engine's files). The one of 2026-11-28 (ea49dc4) is older than jobs on
other machines, feedback and data sets: four conversations, a vote, an evaluation, a training with its adapter, an endpoint and settings.
"""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.evaluator.judge_server import JudgeServer
from tests.kullm_command import kullm
from tests.tmux import Tmux

_HOMES = Path(__file__).with_name("homes")
_CAPITAL = "대한민국의 수도는 어디인가요?"
_ANSWER = "대한민국의 수도는 서울입니다."


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with tarfile.open(_HOMES / "2026-11-28.tar.xz") as kept:
        kept.extractall(tmp_path, filter="data")
    tmp_path.chmod(0o700)
    yield tmp_path
    kullm(tmp_path, "engine", "stop")


def told(home: Path, *arguments: str) -> str:
    done = kullm(home, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(home: Path, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told(home, *arguments, "--json").splitlines()]


def test_conversations_votes_and_settings_are_there(home: Path) -> None:
    listed = told(home, "history", "list")
    assert all(f"\n   {number}  " in listed for number in (1, 2, 7, 8))
    shown = told(home, "history", "show", "1")
    assert all(words in shown for words in (_CAPITAL, _ANSWER, "17에 5를 더하면 얼마인가요?", "22"))
    assert "demo-kullm > demo-koalpaca  17에 5를 더하면" in told(home, "compare", "--votes")
    settings = told(home, "config", "show")
    assert 'model = "demo-kullm"' in settings
    assert "idle_minutes = 7" in settings
    assert "theirs" in told(home, "models", "list")


def test_verdicts_are_there_and_none_is_bought_again(home: Path) -> None:
    table = told(home, "eval", "table")
    assert [line.split()[-1] for line in table.splitlines() if line.startswith("demo-")] == ["3/3", "3/3"]
    with JudgeServer() as judge:
        env = {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}
        again = ("eval", "run", "--set", "q.jsonl", "-m", "demo-kullm,demo-koalpaca", "--yes")
        done = kullm(home, *again, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout == table


def test_a_training_of_before_supervisors_is_done_and_its_adapter_answers(home: Path) -> None:
    (job,) = rows(home, "jobs", "list")
    assert (job["name"], job["state"], job["step"], job["artifacts"]) == ("first", "SUCCEEDED", 4, "VERIFIED")
    assert "demo-kullm" in told(home, "adapters", "list")
    assert _ANSWER in told(home, "ask", "--adapter", "first", "--temperature", "0", _CAPITAL)


def test_one_that_was_cut_off_then_is_lost_and_does_not_go_on_with_other_rows(home: Path) -> None:
    """The demo's corpus was known by its rows then and is by its tables now; a file of one's own is known as it was."""
    (folder,) = (home / "jobs").iterdir()
    events = folder / "events.jsonl"
    events.write_text("".join(f"{line}\n" for line in events.read_text().splitlines() if '"done"' not in line))
    (job,) = rows(home, "jobs", "list")
    assert (job["state"], job["reason"]) == ("LOST", "supervisor")
    done = kullm(home, "jobs", "resume", "first", seconds=900)
    assert done.returncode == 1
    assert "다른 데이터로 만든 체크포인트" in done.stderr
    (job,) = rows(home, "jobs", "list")
    assert (job["state"], job["step"]) == ("FAILED", 4)


def test_the_app_shows_what_was_said_then(home: Path) -> None:
    with Tmux(home) as tmux:
        tmux.runs("-c")
        tmux.shows(_CAPITAL, _ANSWER)
        tmux.presses("F10")
        tmux.shows("first", "완료")
        tmux.presses("C-q")
