"""Two gloo ranks under a real torchrun against one process."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.examples import a_recipe, a_run, made_up_rows, tiny_base
from tests.trainer.rank_job import a_run_of_pairs
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.ranks import Ranks

PROJECT = Path(__file__).parents[2]
LAST = "ckpt/checkpoint-6/model.safetensors"


@dataclass(frozen=True)
class Asked:
    folder: Path
    asks: int = -1  # the rank that asks to stop
    looks: int = 0  # before it asks
    kind: str = "rows"


def torchrun(base: Path, *runs: Asked) -> list[str]:
    """How each of the runs ended for each rank: they start once for all, which takes longer than the runs do."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=0"]
    arguments = [str(part) for run in runs for part in (run.folder, run.asks, run.looks, run.kind)]
    done = subprocess.run(
        [*command, "-m", "tests.trainer.rank_job", str(base), *arguments],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@dataclass(frozen=True)
class Ended:
    """Runs: one that nobody stopped, one that was stopped before its first step, one within its second; one over pairs."""

    base: Path
    whole: Path
    at_once: Path
    within: Path
    pairs: Path
    said: list[str]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    place = tmp_path_factory.mktemp("ranks")
    base, whole, at_once, within, pairs = (place / name for name in ("base", "whole", "at-once", "within", "pairs"))
    tiny_base(base)
    runs = (Asked(whole), Asked(at_once, asks=1), Asked(within, asks=1, looks=7), Asked(pairs, kind="pairs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KULLM_HOME", str(place / "home"))  # of the reference: whoever is alone computes its own
        said = torchrun(base, *runs)
    return Ended(base, whole, at_once, within, pairs, said)


def test_two_ranks_are_one(ended: Ended, tmp_path: Path) -> None:
    train(a_run(a_recipe(ended.base, epochs=2, eval_every=3), tmp_path, held_out=made_up_rows(5, seed=3)))
    one, two = (list(read_rows(folder / "metrics.jsonl")) for folder in (tmp_path, ended.whole))
    assert len(one) == len(two) == 6  # only the first rank writes
    for row, other in zip(one, two, strict=True):
        assert other["loss"] == pytest.approx(row["loss"], abs=1e-5)
        assert other["grad_norm"] == pytest.approx(row["grad_norm"], rel=1e-3)
        assert other["tokens"] == row["tokens"]
        assert other.get("eval_loss", 0) == pytest.approx(row.get("eval_loss", 0), abs=1e-5)
    weights = [load_file(folder / LAST) for folder in (tmp_path, ended.whole)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, atol=2e-5, rtol=1e-4)
    events = [list(read_rows(folder / "events.jsonl")) for folder in (tmp_path, ended.whole)]
    assert len(events[0]) == len(events[1])


def test_two_ranks_learn_from_pairs_as_one_does(ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    assert ended.said[6:] == ["done", "done"]
    run = a_run_of_pairs(a_recipe(ended.base, epochs=2, eval_every=3), tmp_path / "alone")
    train(run)
    one, two = (list(read_rows(folder / "metrics.jsonl")) for folder in (run.folder.path, ended.pairs))
    assert len(one) == len(two) == 6
    for row, other in zip(one, two, strict=True):
        for name in (
            "loss",
            "margin",
            "accuracy",
            "chosen_logp",
            "sft_loss",
            *(["eval_loss"] if "eval_loss" in row else []),
        ):
            assert other[name] == pytest.approx(row[name], abs=1e-3), name
        assert other["grad_norm"] == pytest.approx(row["grad_norm"], rel=1e-2)
    weights = [load_file(folder / LAST) for folder in (run.folder.path, ended.pairs)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, atol=1e-4, rtol=1e-3)


def test_a_stop_asked_of_one_rank_stops_both(ended: Ended) -> None:
    assert ended.said[2:4] == ["stopped", "stopped"]
    assert list(read_rows(ended.at_once / "metrics.jsonl")) == []


def test_a_stop_within_a_step_throws_it_away_on_every_rank_and_resuming_changes_nothing(ended: Ended) -> None:
    assert ended.said[4:6] == ["stopped", "stopped"]
    assert [row["step"] for row in read_rows(ended.within / "metrics.jsonl")] == [1]
    assert (ended.within / "ckpt/checkpoint-1").is_dir()
    torchrun(ended.base, Asked(ended.within))
    resumed, whole = load_file(ended.within / LAST), load_file(ended.whole / LAST)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_dice_differ_between_ranks_and_steps_and_come_again() -> None:
    def thrown(rank: int, step: int) -> tuple[float, ...]:
        Ranks(rank, 2, torch.device("cpu")).throw_dice(42, step)
        return tuple(torch.rand(3).tolist())

    all_thrown = [thrown(rank, step) for rank in range(2) for step in range(20)]
    assert len(set(all_thrown)) == 40
    assert thrown(1, 7) == thrown(1, 7)
