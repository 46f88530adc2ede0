"""kill -9 at random moments, ten times: the run goes on each time and ends with the very weights of one that was never killed."""

import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.tiny_models import save_lora
from tests.trainer.examples import a_preference, a_preference_run, a_recipe, a_run, made_up_pairs, tiny_base
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method, recipe_with

KILLS = 10


def _train(base: str, folder: str, killed: tuple[int, float] | None = None) -> None:
    """Kills itself so many seconds after so many rows: whoever looks from outside may come too late on a busy machine."""
    torch.set_num_threads(1)
    if killed:
        threading.Thread(target=_kill_after, args=(Path(folder), *killed), daemon=True).start()
    method = Method(kind="lora", rank=4, alpha=8.0, dropout=0.1)
    recipe = a_recipe(base, epochs=40, save_every=3, keep=1, method=method)
    train(a_run(recipe, Path(folder)))


def _prefer(base: str, adapter: str, folder: str, killed: tuple[int, float] | None = None) -> None:
    """The same of pairs, from an adapter that was trained before."""
    torch.set_num_threads(1)
    if killed:
        threading.Thread(target=_kill_after, args=(Path(folder), *killed), daemon=True).start()
    recipe = a_preference(a_recipe(base, epochs=40, save_every=3, keep=1, eval_every=12), sft_weight=0.1)
    recipe = recipe_with(recipe, [f"model.adapter={adapter}", "model.template=plain", "method.dropout=0.1"])
    train(a_preference_run(recipe, Path(folder), held_out=made_up_pairs(5, seed=3)))


def _kill_after(folder: Path, rows: int, seconds: float) -> None:
    while _rows(folder) < rows:
        time.sleep(0.002)
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def children() -> Any:
    """Forked from a server that has torch imported: a new trainer is there in a moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.trainer.examples"])
    return context


def last_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    (newest,) = (folder / "ckpt").glob("checkpoint-120")
    return load_file(newest / "model.safetensors")


@pytest.mark.fault("kill during a checkpoint save")
def test_ten_kills_change_nothing(tmp_path: Path, children: Any) -> None:
    base = tiny_base(tmp_path / "base")
    dice = random.Random(5)

    def started(folder: Path, killed: tuple[int, float] | None = None) -> Any:
        child = children.Process(target=_train, args=(str(base), str(folder), killed))
        child.start()
        return child

    uninterrupted = started(tmp_path / "whole")
    uninterrupted.join(240)
    assert uninterrupted.exitcode == 0
    folder, killed = tmp_path / "killed", 0
    for _ in range(KILLS):
        child = started(folder, (_rows(folder) + dice.randrange(2, 10), dice.random() * 0.02))
        child.join(240)
        killed += child.exitcode == -signal.SIGKILL
    last = started(folder)
    last.join(240)
    assert last.exitcode == 0
    assert killed == KILLS
    events = [row["event"] for row in read_rows(folder / "events.jsonl")]
    assert events.count("resumed") >= KILLS // 2
    whole, resumed = last_checkpoint(tmp_path / "whole"), last_checkpoint(folder)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    steps = {row["step"] for row in read_rows(folder / "metrics.jsonl")}
    assert steps == set(range(1, 121))


def test_kills_change_nothing_of_a_preference_tuning_nor_does_a_reference_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    base = tiny_base(tmp_path / "base")
    adapter = save_lora(tmp_path / "sft", base, rank=4, strength=0.1)
    dice = random.Random(7)
    context = multiprocessing.get_context("spawn")  # the server that others are forked from knows another KULLM_HOME

    def ended(folder: Path, killed: tuple[int, float] | None = None) -> int | None:
        child = context.Process(target=_prefer, args=(str(base), str(adapter), str(folder), killed))
        child.start()
        child.join(240)
        return child.exitcode

    assert ended(tmp_path / "whole") == 0
    (reference, other) = sorted((tmp_path / "home").rglob("reference/*.npy"))
    kept = [path.read_bytes() for path in (reference, other)]
    folder = tmp_path / "killed"
    for number in range(4):
        if number == 2:
            reference.unlink()
            other.write_bytes(other.read_bytes()[:-5])
        assert ended(folder, (_rows(folder) + dice.randrange(2, 10), dice.random() * 0.02)) == -signal.SIGKILL
    assert [path.read_bytes() for path in (reference, other)] == kept
    assert ended(folder) == 0
    assert [row["event"] for row in read_rows(folder / "events.jsonl")].count("resumed") >= 2
    whole, resumed = last_checkpoint(tmp_path / "whole"), last_checkpoint(folder)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert {row["step"] for row in read_rows(folder / "metrics.jsonl")} == set(range(1, 121))


def _rows(folder: Path) -> int:
    return sum(1 for _ in read_rows(folder / "metrics.jsonl"))
