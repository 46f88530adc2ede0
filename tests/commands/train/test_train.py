"""`kullm train` as a person runs it: the list, the plan, a whole run on a tiny model, ctrl-c, going on, and what goes wrong."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.kullm_command import Terminal, kullm, start
from tests.training import ROWS


def test_without_a_recipe_the_shipped_ones_are_listed(tmp_path: Path) -> None:
    done = kullm(tmp_path, "train")
    assert done.returncode == 0
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"kullm-paper-12.8b", "kullm-paper-5.8b", "qlora-24gb-12.8b"} <= listed
    rows = [json.loads(line) for line in kullm(tmp_path, "train", "--json").stdout.splitlines()]
    assert {row["name"] for row in rows} == listed


@pytest.mark.parametrize(
    ("on", "verdict", "advice"),
    [
        ("4xA100-80GB", "→ 들어가요.", ""),
        ("1xRTX3090", "→ 들어가지 않아요.", "--set model.precision=4bit --set train.micro_tokens="),
        ("1xA100-40GB", "→ 들어가지 않아요.", "이것만 바꾸면 들어가요: --set train.micro_tokens="),
    ],
)
def test_a_plan_says_whether_it_fits_and_what_would(tmp_path: Path, on: str, verdict: str, advice: str) -> None:
    done = kullm(tmp_path, "train", "kullm-paper-12.8b", "--plan", "--on", on)
    assert (done.returncode, done.stderr) == (0, "")
    assert verdict in done.stdout
    assert advice in done.stdout
    assert all(word in done.stdout for word in ("152,630 행", "2,985", "25.9 GB", "기록", "가정", "계산"))


def test_a_plan_in_english_and_as_json(tmp_path: Path) -> None:
    arguments = ("train", "kullm-paper-5.8b", "--plan", "--on", "2xA100-80GB")
    assert "it fits" in kullm(tmp_path, *arguments, env={"KULLM_LANG": "en"}).stdout
    facts = json.loads(kullm(tmp_path, *arguments, "--json").stdout)
    assert (facts["machine"]["ranks"], facts["fits"], facts["steps"]) == (2, True, 2985)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("nope",), 1, "'nope' 레시피가 없어요"),
        (("kullm-paper-5.8b",), 1, "kullm models pull polyglot-ko-5.8b"),
        (("kullm-paper-5.8b", "--show", "2"), 1, "kullm models pull polyglot-ko-5.8b"),
        (("kullm-paper-5.8b", "--show", "0"), 2, "1에서 1,000"),
        (("kullm-paper-5.8b", "--plan", "--on", "3xFoo"), 2, "알 수 없는 장비"),
        (("kullm-paper-5.8b", "--on", "8xB200"), 2, "--plan"),
        (("kullm-paper-5.8b", "--name", "Ab"), 2, "어댑터의 이름은"),
        (("kullm-paper-5.8b", "--set", "train.epoch=2"), 1, "혹시 epochs인가요"),
        (("demo-kullm", "--plan", "--data", "nowhere.jsonl"), 1, "데이터 파일이 없어요"),
        (("demo-kullm", "--plan", "--data", "mixture:none"), 1, "kullm data build none"),
        (("--resume", "01NONE"), 2, "찾을 수 없어요"),
        (("tiny.toml", "--resume", "last"), 2, "RECIPE 없이"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_starts(
    tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = kullm(tmp_path, "train", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "jobs").exists() or list((tmp_path / "jobs").iterdir()) == []


def test_rows_are_shown_with_what_is_trained_of_them(home: Path) -> None:
    done = kullm(home, "train", "tiny.toml", "--show", "2")
    assert done.returncode == 0
    assert done.stdout.count("⟦") == 2
    assert "⟦답은 1입니다." in done.stdout


def test_a_run_becomes_an_adapter_and_says_how_to_ask_it(home: Path, base: Path) -> None:
    done = kullm(home, "train", "tiny.toml")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'kullm ask -m {base} --adapter tiny-1 "안녕하세요?"\n'
    assert "12단계" in done.stderr
    assert "\r" not in done.stderr
    facts = json.loads(kullm(home, "adapters", "list", "--json").stdout)
    assert (facts["name"], facts["recipe"], facts["template"]) == ("tiny-1", "tiny", "kullm-v2")
    (run,) = (home / "jobs").iterdir()
    assert facts["run"] == run.name
    assert run.stat().st_mode & 0o777 == 0o700
    assert json.loads((run / "spec.json").read_text())["recipe"]["name"] == "tiny"


def test_a_plan_uses_the_tokens_that_are_there(home: Path) -> None:
    kullm(home, "train", "tiny.toml", "--name", "mine")
    facts = json.loads(kullm(home, "train", "tiny.toml", "--plan", "--on", "1xRTX4090", "--json").stdout)
    assert facts["rows"]["basis"] == facts["tokens"]["basis"] == "measured"
    assert facts["rows"]["value"] == len(ROWS)


def test_a_plan_counts_the_rows_of_a_file_that_was_never_made_into_tokens(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text(3 * '{"instruction": "환불은 며칠 안에 되나요?", "output": "7일 안에 됩니다."}\n')
    arguments = ("train", "demo-kullm", "--plan", "--data", str(own), "--on", "1xRTX4090", "--json")
    assert json.loads(kullm(tmp_path, *arguments).stdout)["rows"]["value"] == 3
    own.write_text('{"질문": "환불은?", "답": "7일 안에 됩니다."}\n')
    done = kullm(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "질문" in done.stderr


def test_what_is_done_is_not_begun_again(home: Path) -> None:
    kullm(home, "train", "tiny.toml", "--name", "mine")
    (before,) = home.glob("jobs/*/logs")
    left = sorted(before.iterdir())
    for again in (("train", "--resume", "last"), ("jobs", "resume", "mine")):
        done = kullm(home, *again)
        assert done.returncode == 0
        assert "이미 끝난 학습이에요" in done.stderr
    assert sorted(before.iterdir()) == left


def test_ctrl_c_saves_and_stops_and_the_run_goes_on_from_there(home: Path) -> None:
    run = start(home, "train", "long.toml")
    metrics = _metrics_of_a_run(home)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=240)
    assert run.returncode == 130, told
    name = metrics.parent.name
    assert f"kullm train --resume {name}" in told.decode()
    stopped = max(int(path.name.split("-")[1]) for path in (metrics.parent / "ckpt").glob("checkpoint-*"))
    again = start(home, "train", "--resume", "last")
    _wait(lambda: _last_step(metrics) > stopped)
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=240)
    assert again.returncode == 130
    assert (metrics.parent / "logs" / "attempt-2.log").is_file()


def test_the_trainer_outlives_the_command_that_started_it(home: Path) -> None:
    """A closed laptop or a lost connection kills the command, not the run."""
    run = start(home, "train", "long.toml")
    metrics = _metrics_of_a_run(home)
    run.kill()
    run.communicate(timeout=240)
    before = _last_step(metrics)
    _wait(lambda: _last_step(metrics) > before + 3)
    trainer = _trainer_of(metrics.parent)
    os.kill(trainer, signal.SIGTERM)
    _wait(lambda: not Path(f"/proc/{trainer}").exists())


def test_a_run_that_fails_gives_its_reason_and_its_log(home: Path) -> None:
    done = kullm(home, "train", "tiny.toml", "--set", 'method.targets=["nothing_like_it"]')
    assert done.returncode == 1
    assert "method.targets" in done.stderr
    assert "attempt-1.log" in done.stderr
    assert "Traceback" not in done.stderr
    assert kullm(home, "adapters", "list").stdout == ""


def test_a_terminal_sees_one_line_that_is_rewritten(home: Path) -> None:
    terminal = Terminal(home, "train", "tiny.toml")
    assert terminal.ends() == 0
    assert "\r" in terminal.shown
    assert "토큰/초" in terminal.shown
    assert terminal.shown.rstrip().endswith('"안녕하세요?"')


def _metrics_of_a_run(home: Path) -> Path:
    _wait(lambda: bool(list(home.glob("jobs/*/metrics.jsonl"))))
    (metrics,) = home.glob("jobs/*/metrics.jsonl")
    _wait(lambda: _last_step(metrics) > 1)
    return metrics


def _last_step(metrics: Path) -> int:
    rows = [json.loads(line) for line in metrics.read_text().splitlines() if line.endswith("}")]
    return rows[-1]["step"] if rows else 0


def _trainer_of(run: Path) -> int:
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        words = status.read_bytes().split(b"\0")
        if b"trainer" in words and str(run).encode() in words:
            return int(status.parent.name)
    raise AssertionError("no trainer")


def _wait(condition) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
