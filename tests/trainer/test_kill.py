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

from tests.trainer.examples import a_recipe, a_run, tiny_base
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method

KILLS = 10


def _train(base: str, folder: str, killed: tuple[int, float] | None = None) -> None:
    """Kills itself so many seconds after so many rows: whoever looks from outside may come too late on a busy machine."""
    torch.set_num_threads(1)
    if killed:
        threading.Thread(target=_kill_after, args=(Path(folder), *killed), daemon=True).start()
    method = Method(kind="lora", rank=4, alpha=8.0, dropout=0.1)
    recipe = a_recipe(base, epochs=40, save_every=3, keep=1, method=method)
    train(a_run(recipe, Path(folder)))


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


def _rows(folder: Path) -> int:
    return sum(1 for _ in read_rows(folder / "metrics.jsonl"))
