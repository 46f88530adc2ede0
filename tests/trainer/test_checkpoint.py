"""What a checkpoint refuses, survives and keeps."""

import json
import multiprocessing
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kullm_tui.core.errors import NoSpace
from tests.trainer.examples import Rows, a_recipe, a_run, largest_difference, made_up_rows, tiny_base, trained_weights
from trainer import checkpoint
from trainer.checkpoint import CheckpointRefused, Digests, State
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train

OURS = Digests("recipe", "data")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("checkpoint") / "base")


@pytest.fixture
def folder(tmp_path: Path) -> JobDirectory:
    return JobDirectory(tmp_path)


def state(value: float, size: int = 8) -> State:
    return State({"weight": torch.full((size,), value)}, {"0.exp_avg": torch.zeros(size)}, {"step": value})


def events(folder: JobDirectory) -> list[str]:
    return [row["event"] for row in read_rows(folder.events)]


def test_what_is_saved_comes_back(folder: JobDirectory) -> None:
    checkpoint.save(folder, 3, state(3), OURS)
    assert checkpoint.newest(folder, OURS) == 3
    loaded = checkpoint.load(folder, 3, torch.device("cpu"))
    assert torch.equal(loaded.weights["weight"], torch.full((8,), 3.0))
    assert loaded.progress == {"step": 3}


@pytest.mark.parametrize("file", ["COMPLETE.json", "model.safetensors", "optimizer.safetensors", "progress.json"])
@pytest.mark.parametrize("harm", ["gone", "cut short", "one bit"])
def test_an_incomplete_checkpoint_is_passed_over(folder: JobDirectory, file: str, harm: str) -> None:
    checkpoint.save(folder, 2, state(2), OURS)
    checkpoint.save(folder, 4, state(4), OURS)
    harmed = folder.checkpoint(4) / file
    content = bytearray(harmed.read_bytes())
    if harm == "gone":
        harmed.unlink()
    elif harm == "cut short":
        harmed.write_bytes(content[:-2])
    else:
        content[0] ^= 1
        harmed.write_bytes(content)
    assert checkpoint.newest(folder, OURS) == 2
    assert events(folder) == ["checkpoint passed over"]


def test_a_half_written_folder_is_no_checkpoint(folder: JobDirectory) -> None:
    checkpoint.save(folder, 2, state(2), OURS)
    (folder.checkpoints / "checkpoint-4.partial").mkdir()
    assert checkpoint.newest(folder, OURS) == 2
    checkpoint.save(folder, 4, state(4), OURS)
    assert checkpoint.newest(folder, OURS) == 4
    assert not list(folder.checkpoints.glob("*.partial"))


def _save_and_die(path: str, at_sync: int) -> None:
    """A real kill -9 of itself, at the n-th file that is synced."""
    import os

    left = at_sync
    sync = os.fsync

    def dying(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(handle)

    os.fsync = dying  # type: ignore[assignment]
    checkpoint.save(JobDirectory(Path(path)), 4, state(4), OURS)
    os.fsync = sync


@pytest.mark.fault("kill during a checkpoint save")
def test_a_kill_during_a_save_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    children = multiprocessing.get_context("forkserver")
    children.set_forkserver_preload(["tests.trainer.examples"])
    outcomes = []
    for at_sync in range(8):
        folder = JobDirectory(tmp_path / str(at_sync))
        checkpoint.save(folder, 2, state(2), OURS)
        child = children.Process(target=_save_and_die, args=(str(folder.path), at_sync))
        child.start()
        child.join(240)
        outcomes.append((child.exitcode, checkpoint.newest(folder, OURS)))
    killed = [step for code, step in outcomes if code == -signal.SIGKILL]
    assert len(killed) >= 5
    assert set(killed) <= {2, 4}
    assert killed[:4] == [2] * 4  # before COMPLETE.json stood
    assert (0, 4) in outcomes  # the child that lived through all its syncs


@pytest.mark.fault("disk full at log, checkpoint, state")
def test_a_full_disk_is_said_and_the_last_good_checkpoint_stays(folder: JobDirectory) -> None:
    checkpoint.save(folder, 2, state(2), OURS)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, usual[1]))
    try:
        with pytest.raises(NoSpace, match="checkpoint-4"):
            checkpoint.save(folder, 4, state(4, size=100_000), OURS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, ignored)
    assert checkpoint.newest(folder, OURS) == 2
    assert [path.name for path in folder.checkpoints.iterdir()] == ["checkpoint-2"]


def test_a_checkpoint_of_another_recipe_or_other_data_is_refused(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, max_steps=2, save_every=1)
    train(a_run(recipe, tmp_path / "run"))
    other_recipe = replace(recipe, train=replace(recipe.train, learning_rate=1e-5))
    with pytest.raises(CheckpointRefused, match="another recipe"):
        train(a_run(other_recipe, tmp_path / "run"))
    other_data = Rows(made_up_rows().rows, digest="other rows")
    with pytest.raises(CheckpointRefused, match="other data"):
        train(a_run(recipe, tmp_path / "run", rows=other_data))
    longer = replace(recipe, train=replace(recipe.train, max_steps=3))  # how long it lasts may change
    assert train(a_run(longer, tmp_path / "run")) == "done"


def test_the_newest_and_the_best_are_kept(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter(
        [3.0, 2.0, 4.0, 2.5, 5.0, 2.25]
    )  # which step is the best of a real one depends on the processor's last bits
    monkeypatch.setattr("trainer.loop.evaluation_loss", lambda *_: (next(found), {}))
    recipe = a_recipe(base, max_steps=6, save_every=1, eval_every=1, keep=2)
    run = a_run(recipe, tmp_path / "run", held_out=made_up_rows(4, seed=9))
    train(run)
    evaluations = {row["step"]: row["eval_loss"] for row in read_rows(run.folder.metrics)}
    best = min(evaluations, key=lambda step: evaluations[step])
    assert best == 2
    assert sorted(run.folder.checkpoint_steps()) == [2, 5, 6]
    assert json.loads(run.folder.best.read_text())["step"] == best


def test_patience_ends_a_run_that_gains_nothing(base: Path, tmp_path: Path) -> None:
    recipe = a_recipe(base, max_steps=30, eval_every=1, patience=2, learning_rate=1.0)
    run = a_run(recipe, tmp_path / "run", held_out=made_up_rows(4, seed=9))
    assert train(run) == "done"
    losses = [row["eval_loss"] for row in read_rows(run.folder.metrics)]
    assert len(losses) < 30
    assert min(losses) == losses[-3]
    assert "stopped early" in events(run.folder)


def test_a_resumed_run_goes_on_bit_for_bit(base: Path, tmp_path: Path) -> None:
    """With dropout, in the middle of an epoch."""
    recipe = a_recipe(base, epochs=3, save_every=1, method=None)
    recipe = replace(recipe, method=replace(recipe.method, dropout=0.2))
    whole = a_run(recipe, tmp_path / "whole")
    train(whole)
    stops = iter([False] * 4 + [True] * 9)
    stopped = a_run(recipe, tmp_path / "stopped", stopping=lambda: next(stops))
    assert train(stopped) == "stopped"
    resumed = a_run(recipe, tmp_path / "stopped")
    assert train(resumed) == "done"
    assert events(resumed.folder).count("resumed") == 1
    weights = trained_weights(whole.forward.trainable), trained_weights(resumed.forward.trainable)
    assert largest_difference(*weights) == 0


def test_a_line_behind_a_half_written_one_begins_anew(tmp_path: Path) -> None:
    from trainer.jobs.agent.files import append

    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n{"st')
    append(file, {"step": 2})
    assert [row["step"] for row in read_rows(file)] == [1, 2]
