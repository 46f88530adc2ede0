"""`kullm jobs` on this computer's own jobs: begun and left, listed as they are, compared, drawn, cloned, and what cannot be."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.commands.jobs.follow import progress_line
from tests.kullm_command import kullm, start
from tests.trainer.jobs.elsewhere import add_rows, make_job, set_state, wait_for
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, publish
from trainer.jobs.spec import spec_of
from trainer.recipe import load_recipe


def _listed(home: Path) -> list[dict[str, Any]]:
    done = kullm(home, "jobs", "list", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _strict(text: str) -> dict[str, Any]:
    """As readers take it that know no NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    facts: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return facts


def _made(home: Path, name: str = "one", *settings: str) -> JobDirectory:
    """With a recipe that is whole."""
    return make_job(home, spec_of(load_recipe(str(home / "tiny.toml"), settings), ["train"], name=name))


def test_a_detached_job_is_left_at_once_and_its_state_is_what_it_is(home: Path) -> None:
    begun = kullm(home, "train", "long.toml", "--detach", "--name", "mine")
    assert begun.returncode == 0, begun.stderr
    job = JobDirectory(home / "jobs" / begun.stdout.strip())
    assert "kullm jobs follow" in begun.stderr
    wait_for(lambda: document(job.state).get("state") == "RUNNING" and _listed(home)[0]["step"] > 2)
    [row] = _listed(home)
    assert (row["name"], row["machine"], row["state"], row["link"]) == ("mine", "", "RUNNING", "LIVE")
    assert row["steps"] == 30_000
    os.kill(document(job.state)["supervisor"]["pid"], signal.SIGKILL)
    wait_for(lambda: _listed(home)[0]["state"] == "LOST")
    assert _listed(home)[0]["reason"] == "supervisor"
    reached = max(job.complete_steps())
    assert kullm(home, "jobs", "retry", "mine", "--detach").returncode == 0
    wait_for(lambda: _listed(home)[0]["state"] == "RUNNING")
    assert _listed(home)[0]["step"] >= reached
    follower = start(home, "train", "--resume", "mine")
    wait_for(lambda: follower.poll() is not None or _is_followed(follower.pid))
    assert kullm(home, "jobs", "cancel", "mine").returncode == 0
    assert follower.wait(240) == 130
    assert b"--resume" in follower.communicate()[1]
    assert kullm(home, "jobs", "cancel", "mine").returncode == 0


def _is_followed(pid: int) -> bool:
    """It has begun to wait: its handler of ctrl-c is there."""
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_a_clone_is_a_new_job_with_one_change_and_differs_in_that_alone(home: Path) -> None:
    assert kullm(home, "train", "tiny.toml", "--name", "one").returncode == 0
    cloned = kullm(home, "jobs", "clone", "one", "--set", "train.learning_rate=0.001", "--name", "two")
    assert cloned.returncode == 0, cloned.stderr
    assert "--adapter two" in cloned.stdout
    different = json.loads(kullm(home, "jobs", "diff", "one", "two", "--json").stdout)
    assert different == {"train.learning_rate": [0.0003, 0.001]}
    shown = kullm(home, "jobs", "diff", "one", "two").stdout
    assert len(shown.splitlines()) == 2
    plotted = kullm(home, "jobs", "plot", "one", "two")
    assert plotted.returncode == 0
    assert all(word in plotted.stdout for word in ("손실", "one", "two"))
    facts = json.loads(kullm(home, "jobs", "show", "two", "--json").stdout)
    assert facts["loss"] != facts["mean_loss"]
    assert facts["card"]["seconds"]["predicted"] > 0
    assert facts["card"]["memory_bytes"]["predicted"] > 0
    assert "완료" in kullm(home, "jobs", "show", "two").stdout
    log = kullm(home, "jobs", "logs", "two")
    assert log.returncode == 0
    assert kullm(home, "jobs", "logs", "two", "--attempt", "7").returncode == 2
    assert kullm(home, "jobs", "retry", "two").returncode == 2


@pytest.mark.parametrize(("option", "begin"), [("--png", b"\x89PNG"), ("--svg", b"<?xml")])
def test_a_curve_becomes_a_file_and_does_not_replace_one(home: Path, option: str, begin: bytes) -> None:
    add_rows(_made(home), range(1, 200))
    done = kullm(home, "jobs", "plot", "one", option, "curve")
    assert done.returncode == 0, done.stderr
    assert (home / "curve").read_bytes().startswith(begin)
    assert kullm(home, "jobs", "plot", "one", option, "curve").returncode == 2


def test_a_job_that_was_removed_is_gone_and_one_that_is_asked_about_stays(home: Path) -> None:
    job = _made(home)
    set_state(job, "FAILED", reason="exit", message="수가 틀려요")
    asked = kullm(home, "jobs", "remove", "one")
    assert (asked.returncode, job.path.exists()) == (2, True)
    assert "--yes" in asked.stderr
    assert "수가 틀려요" in kullm(home, "jobs", "list").stdout
    assert kullm(home, "jobs", "remove", "one", "--yes").returncode == 0
    assert _listed(home) == []


def test_a_cancel_that_left_something_says_what(home: Path) -> None:
    set_state(_made(home), "CANCEL_INCOMPLETE", survivors=[4321])
    told = kullm(home, "jobs", "cancel", "one")
    assert (told.returncode, told.stdout) == (1, "")
    assert "4321" in told.stderr


def test_a_start_that_no_supervisor_takes_is_told_and_not_waited_for(home: Path) -> None:
    job = _made(home)
    job.events.mkdir()
    told = kullm(home, "jobs", "resume", "one")
    assert told.returncode == 1
    assert "supervisor.log" in told.stderr


def test_a_job_is_named_by_its_id_the_beginning_of_it_its_name_or_last(home: Path) -> None:
    one, other = _made(home, "one"), _made(home, "other")
    set_state(one, "FAILED")
    set_state(other, "FAILED")
    short = next(other.id[:n] for n in range(8, 27) if not one.id.startswith(other.id[:n]))
    for name in (other.id, other.id.lower(), short, "other", "last"):
        assert json.loads(kullm(home, "jobs", "show", name, "--json").stdout)["id"] == other.id


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "nobody"), 2, "kullm jobs list"),
        (("show", "twice"), 2, "2개 있어요"),
        (("resume", "newer"), 1, "업데이트"),
        (("show", "newer"), 1, "업데이트"),
        (("resume", "edited"), 1, "kullm jobs clone"),
        (("clone", "edited"), 1, "kullm jobs clone"),
        (("clone", "whole", "--set", "train.epoch=1"), 1, "혹시 epochs"),
        (("hold", "whole"), 1, "기다리고 있지 않아요"),
        (("move", "whole", "0"), 2, "1부터"),
        (("follow", "whole"), 2, "kullm jobs retry"),
        (("cancel", "whole"), 1, "시작되지 않았어요"),
        (("fetch", "whole"), 1, "결과가 없어요"),
        (("plot", "whole"), 1, "그릴 것이 없어요"),
        (("plot", "whole", "--png", "a", "--svg", "b"), 2, "하나만"),
        (("logs", "whole"), 2, "kullm jobs show"),
        (("diff", "whole", "newer"), 1, "업데이트"),
    ],
)
def test_what_cannot_be_is_one_message_with_the_next_step(
    home: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    _made(home, "whole")
    _made(home, "twice")
    _made(home, "twice")
    newer, edited = _made(home, "newer"), _made(home, "edited")
    publish(newer.spec, {**document(newer.spec), "schema": 99})
    recipe = document(edited.spec)["recipe"]
    publish(edited.spec, {**document(edited.spec), "recipe": {**recipe, "train": {**recipe["train"], "seed": 7}}})
    done = kullm(home, "jobs", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert len(_listed(home)) == 5


def test_a_broken_spec_is_listed_and_its_job_can_be_removed(home: Path) -> None:
    job = _made(home)
    job.spec.write_text('{"schema": 1, "name": "one", ')
    job.metrics.write_bytes(b'{"step": 4, "loss": 1.0}\n{"st\xff\xfe\n{"step": 5')
    [row] = _listed(home)
    assert (row["id"], row["name"], row["step"]) == (job.id, "", 4)
    assert kullm(home, "jobs", "remove", job.id, "--yes").returncode == 0
    assert _listed(home) == []


def test_a_loss_that_is_no_number_is_null_for_scripts_and_a_gap_in_the_curve(home: Path) -> None:
    job = _made(home)
    job.metrics.write_text('{"step": 1, "loss": 2.5}\n{"step": 2, "loss": NaN}\n{"step": 3, "loss": "?"}\n')
    set_state(job, "FAILED", reason="diverged", message="손실이 발산했어요")
    points = _strict(kullm(home, "jobs", "plot", "one", "--json").stdout)
    assert (points["steps"], points["values"]) == ([1, 2], [2.5, None])
    assert "×" in kullm(home, "jobs", "plot", "one").stdout
    job.metrics.write_text('{"step": 2, "loss": NaN}\n')
    assert _strict(kullm(home, "jobs", "list", "--json").stdout)["loss"] is None
    assert _strict(kullm(home, "jobs", "cancel", "one", "--json").stdout)["state"] == "FAILED"


@pytest.mark.parametrize("row", [{}, {"step": 1, "loss": "x", "eta_s": []}, {"step": None, "loss": float("nan")}])
def test_a_row_that_lacks_what_a_line_shows_is_a_shorter_line(row: dict[str, Any]) -> None:
    assert "단계" in progress_line(row) or "step" in progress_line(row)


def test_the_list_and_its_help_speak_english_too(home: Path) -> None:
    set_state(_made(home), "CANCELLED")
    assert "stopped" in kullm(home, "jobs", "list", env={"KULLM_LANG": "en"}).stdout
    assert "the loss curve" in kullm(home, "jobs", "--help", env={"KULLM_LANG": "en"}).stdout
