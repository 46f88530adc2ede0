"""`kullm jobs mirror` and `--mirror`: what is said of where metrics went, and what cannot be."""

import json
from pathlib import Path

from tests.kullm_command import kullm
from tests.trainer.jobs.elsewhere import add_rows, make_job, set_state
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.spec import spec_of
from trainer.recipe import load_recipe


def _ended(home: Path) -> JobDirectory:
    job = make_job(home, spec_of(load_recipe(str(home / "tiny.toml")), ["train"], name="one"))
    add_rows(job, range(1, 21))
    set_state(job, "SUCCEEDED")
    return job


def test_an_old_job_goes_to_tensorboard_and_the_command_that_shows_it_is_printed(home: Path) -> None:
    _ended(home)
    done = kullm(home, "jobs", "mirror", "one", "--to", "tensorboard")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"tensorboard --logdir {home / 'tensorboard'}\n"
    assert "완료(20줄)" in done.stderr
    again = kullm(home, "jobs", "mirror", "one", "--to", "tensorboard", "--json")
    assert json.loads(again.stdout)["tensorboard"]["rows"] == 20
    assert len(list((home / "tensorboard").glob("one-*/*tfevents*"))) == 1


def test_a_tracker_that_cannot_take_it_fails_with_its_reason(home: Path) -> None:
    _ended(home)
    (home / "file").write_text("")
    assert kullm(home, "config", "set", "mirrors.tensorboard", str(home / "file")).returncode == 0
    done = kullm(home, "jobs", "mirror", "one", "--to", "tensorboard")
    assert (done.returncode, done.stdout) == (1, "")
    assert "실패(NotADirectoryError" in done.stderr
    assert "실패(NotADirectoryError" in kullm(home, "jobs", "show", "one").stdout


def test_where_metrics_cannot_go_is_refused_before_anything_begins(home: Path) -> None:
    refused = kullm(home, "train", "tiny.toml", "--mirror", "tensorbord")
    assert (refused.returncode, "혹시 tensorboard인가요?" in refused.stderr) == (2, True)
    assert not (home / "jobs").exists() or list((home / "jobs").iterdir()) == []
    _ended(home)
    assert kullm(home, "jobs", "mirror", "one", "--to", "").returncode == 2
    assert "mirrors.wandb" in kullm(home, "config", "set", "mirrors.wandb", "a/b/c").stderr
