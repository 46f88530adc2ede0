"""One run of a study at a time, what a killed one left at work waited for, and a mark that counts only while what was made is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from kullm_tui.studies.child import Child
from kullm_tui.studies.marks import AtWork, StudyBusy, alone, at_work, mark_of, put_mark
from kullm_tui.studies.running import StudyStopped, run_study
from kullm_tui.studies.stages import plan_of
from kullm_tui.studies.study import load_study
from tests.studies.small import own_study, small_study

_HOLD = """
import subprocess, sys, time
from kullm_tui.studies.marks import alone
with alone(sys.argv[2], print) as lock:
    if sys.argv[1] == "child":
        subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=0, pass_fds=(lock,))
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")


def holder(how: str, study: str = "s") -> "subprocess.Popen[str]":
    running = subprocess.Popen(
        [sys.executable, "-c", _HOLD, how, study], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout
    assert running.stdout.readline().strip() == "held"
    return running


def test_a_second_run_is_told_of_the_first() -> None:
    with holder("alone") as first:
        with pytest.raises(StudyBusy, match=str(first.pid)), alone("s", print):
            pass
        assert at_work("s") == AtWork(first.pid)
        first.kill()
    assert at_work("s") is None
    with alone("s", print) as lock:
        assert lock > 0


def test_what_a_killed_run_left_at_work_is_waited_for() -> None:
    with holder("child") as first:
        first.kill()
        first.wait()
        waited: list[str] = []

        def waiting(words: str) -> None:
            waited.append(words)
            if first.stdin and not first.stdin.closed:
                first.stdin.close()  # and the child that holds the lock ends

        assert at_work("s") == AtWork(0)
        with alone("s", waiting):
            assert "killed run" in waited[0]


def test_a_stop_is_heard_while_a_killed_run_is_waited_for_and_as_a_stage_begins(tmp_path: Path) -> None:
    plan, child = plan_of(load_study(str(own_study(tmp_path)))), Child()
    child.stop()
    with holder("child", "own") as first:
        first.kill()
        first.wait()
        with pytest.raises(StudyStopped):
            run_study(plan, told=print, waiting=print, child=child)
        assert first.stdin
        first.stdin.close()
    with alone("own", print) as lock:
        ended = child.run(("models", "list"), heard=print, log=tmp_path / "log", holding=lock)
    assert ended.code != 0


def test_a_mark_counts_only_while_what_was_made_is_there(tmp_path: Path) -> None:
    plan = plan_of(load_study(str(small_study(tmp_path))))
    training, answers = plan.of("training")[0], plan.of("answers")[0]
    for stage in (training, answers):
        put_mark("small", stage, seconds=2.0, result={"x": 1})

    found = mark_of("small", answers)

    assert mark_of("small", training) is None  # no adapter is there
    assert found is not None
    assert (found.seconds, found.result) == (2.0, {"x": 1})


def test_a_command_is_heard_while_it_works_and_its_last_words_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"instruction": "안녕?", "output": "안녕하세요, 반가워요."}\n', encoding="utf-8")
    heard: list[str] = []
    with alone("s", print) as lock:
        done = Child().run(
            ("data", "check", str(file), "--json"), heard=heard.append, log=tmp_path / "log", holding=lock
        )
        failed = Child().run(("data", "check", str(tmp_path / "gone"), "--json"), heard=print, log=tmp_path / "log", holding=lock)  # fmt: skip

    assert done.code == 0
    assert any("clean" in words for words in heard)
    assert all(one != other for one, other in zip(heard, heard[1:], strict=False))
    assert failed.code == 1
    assert failed.last_words.splitlines()[-1].startswith("kullm: ")
    assert failed.last_words == (tmp_path / "log").read_text(encoding="utf-8").strip()
