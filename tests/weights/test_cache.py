import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from kullm_tui.core.errors import NoSpace, UsageError, WeightsError
from kullm_tui.core.files import discard
from kullm_tui.core.models import weights_cache
from kullm_tui.core.paths import weights_cache_dir
from kullm_tui.weights.cache import Recipe, find_prepared, prepare
from kullm_tui.weights.files import open_checkpoint
from kullm_tui.weights.footprint import form_for
from kullm_tui.weights.loading import load_model
from kullm_tui.weights.plan import plan_load
from kullm_tui.weights.progress import LoadCancelled, LoadProgress
from kullm_tui.weights.skeleton import build_skeleton
from tests import tiny_models
from tests.weights.conftest import CPU, Load, logits_of

_LOAD_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.weights.test_cache import recipe_for
from kullm_tui.weights.cache import prepare

def report(progress):
    if progress.done > progress.total // 2:
        os.kill(os.getpid(), signal.SIGKILL)

prepare(recipe_for(Path(sys.argv[1])), report, lambda: False)
"""


def recipe_for(folder: Path, shard_bytes: int = 30_000) -> Recipe:
    checkpoint, skeleton = open_checkpoint(folder), build_skeleton(folder, "4bit")
    return Recipe(checkpoint, plan_load(checkpoint, skeleton), "4bit", form_for("4bit", CPU), 1 << 20, shard_bytes)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tiny_models.save_model(tmp_path / "polyglot-tiny", "gpt_neox")


def _nothing(_: LoadProgress) -> None:
    pass


def _never() -> bool:
    return False


def test_progress_grows_to_its_total_first_quantising_then_reading(source: Path) -> None:
    seen: list[LoadProgress] = []
    load_model(source, precision="4bit", device=CPU, progress=seen.append, cancelled=_never)
    phases = [progress.phase for progress in seen]
    assert phases == sorted(phases)
    for phase in ("quantize", "read"):
        done = [progress.done for progress in seen if progress.phase == phase]
        assert done == sorted(done)
        assert done[-1] == next(progress.total for progress in seen if progress.phase == phase)


def test_a_second_load_quantises_nothing(source: Path, load: Load) -> None:
    first = logits_of(load(source).model)
    seen: list[LoadProgress] = []
    again = load_model(source, precision="4bit", device=CPU, progress=seen.append, cancelled=_never)
    assert {progress.phase for progress in seen} == {"read"}
    assert torch.equal(first, logits_of(again.model))


def test_a_first_load_that_was_killed_goes_on_where_it_stopped(source: Path, load: Load) -> None:
    died = subprocess.run([sys.executable, "-c", _LOAD_AND_DIE, str(source)], check=False, timeout=240)
    assert died.returncode == -signal.SIGKILL
    recipe = recipe_for(source)
    assert find_prepared(recipe) is None
    seen: list[LoadProgress] = []
    prepare(recipe, seen.append, _never)
    assert seen[0].done > 0
    resumed = logits_of(load(source).model)
    weights_cache.remove(recipe.key)
    assert torch.equal(resumed, logits_of(load(source).model))


def test_a_half_written_shard_is_written_again(source: Path) -> None:
    recipe = recipe_for(source)
    partial = _stopped_halfway(recipe)
    shard = partial / "weights-00001.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    seen: list[LoadProgress] = []
    prepare(recipe, seen.append, _never)
    assert seen[0].done == 0
    assert find_prepared(recipe)


def test_a_cancelled_load_stops_between_tensors_and_publishes_nothing(source: Path) -> None:
    recipe = recipe_for(source)
    _stopped_halfway(recipe)
    assert find_prepared(recipe) is None
    assert [entry.complete for entry in weights_cache.list_cached()] == [False]


def _stopped_halfway(recipe: Recipe) -> Path:
    seen: list[LoadProgress] = []
    with pytest.raises(LoadCancelled):
        prepare(recipe, seen.append, lambda: bool(seen) and seen[-1].done > seen[-1].total // 2)
    return weights_cache.partial_folder_of(recipe.key)


@pytest.mark.parametrize("change", ["time", "size", "config", "truncated", "newer", "garbled", "gone"])
def test_weights_that_no_longer_match_are_made_again(change: str, source: Path) -> None:
    recipe = recipe_for(source)
    folder = prepare(recipe, _nothing, _never)
    manifest = folder / "manifest.json"
    if change == "time":
        os.utime(source / "model.safetensors", ns=(1, 1))
    elif change == "size":
        tiny_models.save_model(source, "gpt_neox", dtype=torch.bfloat16)
    elif change == "config":
        config = source / "config.json"
        config.write_text(config.read_text() + " ")
    elif change == "truncated":
        os.truncate(folder / "weights-00002.safetensors", 100)
    elif change == "newer":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    elif change == "garbled":
        manifest.write_text("{")
    else:
        (folder / "weights-00001.safetensors").unlink()
    changed = recipe_for(source)
    assert find_prepared(changed) is None
    seen: list[LoadProgress] = []
    prepare(changed, seen.append, _never)
    assert any(progress.phase == "quantize" for progress in seen)
    assert find_prepared(changed)


def test_the_partial_work_of_another_source_is_not_resumed(source: Path) -> None:
    _stopped_halfway(recipe_for(source))
    os.utime(source / "model.safetensors", ns=(1, 1))
    seen: list[LoadProgress] = []
    prepare(recipe_for(source), seen.append, _never)
    assert seen[0].done == 0


def test_only_one_prepares_a_model_and_the_other_waits_for_it(source: Path) -> None:
    recipe = recipe_for(source)
    phases: list[str] = []

    def wait() -> None:
        prepare(recipe, lambda progress: phases.append(progress.phase), _never)

    with weights_cache.try_lock(recipe.key) as held:
        assert held
        waiting = threading.Thread(target=wait)
        waiting.start()
        deadline = time.monotonic() + 240
        while not phases and time.monotonic() < deadline:
            time.sleep(0.02)
        assert phases[0] == "wait"
        assert find_prepared(recipe) is None
    waiting.join(240)
    assert phases[-1] == "quantize"
    assert find_prepared(recipe)


def test_waiting_can_be_cancelled(source: Path) -> None:
    recipe = recipe_for(source)
    with weights_cache.try_lock(recipe.key), pytest.raises(LoadCancelled):
        prepare(recipe, _nothing, iter([False, True]).__next__)


def test_a_full_disk_says_so_and_leaves_nothing_that_loads(source: Path) -> None:
    recipe = recipe_for(source)
    partial = _stopped_halfway(recipe)
    (partial / "unfinished").symlink_to("/dev/full")
    with pytest.raises(NoSpace, match="models prune"):
        prepare(recipe, _nothing, _never)
    assert find_prepared(recipe) is None
    assert not (partial / "unfinished").is_symlink()
    prepare(recipe, _nothing, _never)
    assert find_prepared(recipe)


def test_a_place_in_the_cache_that_cannot_be_written_is_named(source: Path, load: Load) -> None:
    key = recipe_for(source).key
    (weights_cache_dir() / f"{key}.lock").mkdir()
    with pytest.raises(WeightsError, match=rf"{key}.lock could not be read or written \(Is a directory\)"):
        load(source)


def test_a_source_that_goes_while_it_is_quantised_is_named(source: Path) -> None:
    recipe = recipe_for(source)
    (source / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="model.safetensors could not be read or written"):
        prepare(recipe, _nothing, _never)


def test_a_damaged_cache_is_made_again(source: Path, load: Load) -> None:
    expected = logits_of(load(source).model)
    shard = weights_cache.folder_of(recipe_for(source).key) / "weights-00001.safetensors"
    shard.write_bytes(bytes(shard.stat().st_size))
    assert torch.equal(logits_of(load(source).model), expected)


def test_weights_pruned_while_they_are_read_still_arrive_whole(source: Path, load: Load) -> None:
    recipe = recipe_for(source)
    prepare(recipe, _nothing, _never)  # in many small shards
    phases: list[str] = []

    def prune(progress: LoadProgress) -> None:
        if not phases:
            weights_cache.remove(recipe.key)
        phases.append(progress.phase)

    loaded = load_model(source, precision="4bit", device=CPU, progress=prune, cancelled=_never)
    assert set(phases) == {"read"}
    assert not weights_cache.folder_of(recipe.key).exists()
    assert torch.equal(logits_of(loaded.model), logits_of(load(source).model))


@pytest.mark.parametrize("times", [1, 2])
def test_weights_pruned_before_they_are_mapped_are_made_once_more(
    times: int, source: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`touch` is the last that happens to an entry before it is mapped."""
    expected, key = logits_of(load(source).model), recipe_for(source).key
    touch = weights_cache.touch
    lost: list[int] = []

    def touch_and_lose(folder: Path) -> None:
        touch(folder)
        if len(lost) < times:
            lost.append(weights_cache.remove(key))

    monkeypatch.setattr(weights_cache, "touch", touch_and_lose)
    if times == 1:
        assert torch.equal(logits_of(load(source).model), expected)
    else:
        with pytest.raises(WeightsError, match="again and again"):
            load(source)
    assert len(lost) == times


def test_touching_what_was_deleted_says_nothing() -> None:
    weights_cache.touch(weights_cache.folder_of("gone"))


def test_listing_goes_on_while_entries_come_and_go() -> None:
    folder, ended = weights_cache.folder_of("here-and-gone"), threading.Event()
    faults: list[OSError] = []

    def come_and_go() -> None:
        while not ended.is_set():
            folder.mkdir()
            for number in range(20):
                (folder / f"weights-{number}").touch()
            discard(folder)

    def watch() -> None:
        try:
            for _ in range(2000):
                weights_cache.list_cached()
        except OSError as error:
            faults.append(error)

    coming = threading.Thread(target=come_and_go)
    coming.start()
    watch()
    ended.set()
    coming.join()
    assert faults == []


def test_too_little_room_is_noticed_before_anything_is_written(source: Path) -> None:
    small = recipe_for(source)
    recipe = Recipe(small.checkpoint, small.plan, "4bit", small.form, 1 << 60)
    with pytest.raises(NoSpace, match="no room"):
        prepare(recipe, _nothing, _never)
    assert not list(weights_cache.partial_folder_of(recipe.key).glob("*.safetensors"))


def test_cached_weights_are_listed_and_removed_without_torch(source: Path, load: Load, home: Path) -> None:
    load(source)
    code = (
        "import sys; from kullm_tui.core.models import weights_cache as w; [e] = w.list_cached();"
        "print(e.model, e.precision, e.complete, e.bytes == w.remove(e.key), w.list_cached(), 'torch' in sys.modules)"
    )
    environment = os.environ | {"KULLM_HOME": str(home)}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert ran.stdout.split() == ["polyglot-tiny", "4bit", "True", "True", "[]", "False"]


@pytest.mark.parametrize("key", ["", "..", "../state", "no-such-model"])
def test_a_key_that_is_not_in_the_cache_is_refused(key: str) -> None:
    with pytest.raises(UsageError):
        weights_cache.remove(key)


def test_weights_being_prepared_are_not_removed(source: Path) -> None:
    recipe = recipe_for(source)
    prepare(recipe, _nothing, _never)
    with weights_cache.try_lock(recipe.key), pytest.raises(UsageError, match="preparing"):
        weights_cache.remove(recipe.key)
    assert find_prepared(recipe)


def test_a_snapshot_of_the_hub_is_called_by_its_repository(tmp_path: Path) -> None:
    folder = tmp_path / "models--EleutherAI--polyglot-ko-1.3b" / "snapshots" / "abc"
    recipe = recipe_for(tiny_models.save_model(folder, "gpt_neox"))
    assert recipe.manifest.model == "EleutherAI/polyglot-ko-1.3b"
    assert recipe.key.startswith("EleutherAI-polyglot-ko-1.3b-4bit-")


def test_dev_full_is_full() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(OSError, match="space") as caught:
        file.write(b"x")
    assert caught.value.errno == errno.ENOSPC
