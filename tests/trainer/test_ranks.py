"""Two gloo ranks under a real torchrun against one process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.examples import a_recipe, a_run, made_up_rows, tiny_base
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.ranks import Ranks

PROJECT = Path(__file__).parents[2]


def torchrun(base: Path, folder: Path, asks: int = -1, looks: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=0"]
    return subprocess.run(
        [*command, "-m", "tests.trainer.rank_job", str(base), str(folder), str(asks), str(looks)],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_two_ranks_are_one(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    alone = a_run(a_recipe(base, epochs=2, eval_every=3), tmp_path / "one", held_out=made_up_rows(5, seed=3))
    train(alone)
    done = torchrun(base, tmp_path / "two")
    assert done.returncode == 0, done.stderr
    one, two = (list(read_rows(tmp_path / name / "metrics.jsonl")) for name in ("one", "two"))
    assert len(one) == len(two) == 6  # only the first rank writes
    for row, other in zip(one, two, strict=True):
        assert other["loss"] == pytest.approx(row["loss"], abs=1e-5)
        assert other["grad_norm"] == pytest.approx(row["grad_norm"], rel=1e-3)
        assert other["tokens"] == row["tokens"]
        assert other.get("eval_loss", 0) == pytest.approx(row.get("eval_loss", 0), abs=1e-5)
    weights = [load_file(tmp_path / name / "ckpt/checkpoint-6/model.safetensors") for name in ("one", "two")]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, atol=2e-5, rtol=1e-4)
    assert len(list(read_rows(tmp_path / "one" / "events.jsonl"))) == len(
        list(read_rows(tmp_path / "two" / "events.jsonl"))
    )


def test_a_stop_asked_of_one_rank_stops_both(tmp_path: Path) -> None:
    done = torchrun(tiny_base(tmp_path / "base"), tmp_path / "run", asks=1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["stopped", "stopped"]


def test_a_stop_within_a_step_throws_it_away_on_every_rank_and_resuming_changes_nothing(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    stopped = torchrun(base, tmp_path / "run", asks=1, looks=7)
    assert stopped.stdout.split() == ["stopped", "stopped"], stopped.stderr
    rows = [row["step"] for row in read_rows(tmp_path / "run" / "metrics.jsonl")]
    assert rows == [1]
    assert (tmp_path / "run/ckpt/checkpoint-1").is_dir()
    for name in ("run", "whole"):
        done = torchrun(base, tmp_path / name)
        assert done.returncode == 0, done.stderr
    run, whole = (load_file(tmp_path / name / "ckpt/checkpoint-6/model.safetensors") for name in ("run", "whole"))
    assert all(torch.equal(whole[name], run[name]) for name in whole)


def test_dice_differ_between_ranks_and_steps_and_come_again() -> None:
    def thrown(rank: int, step: int) -> tuple[float, ...]:
        Ranks(rank, 2, torch.device("cpu")).throw_dice(42, step)
        return tuple(torch.rand(3).tolist())

    all_thrown = [thrown(rank, step) for rank in range(2) for step in range(20)]
    assert len(set(all_thrown)) == 40
    assert thrown(1, 7) == thrown(1, 7)
