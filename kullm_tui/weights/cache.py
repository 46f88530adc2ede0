"""Weights made once into the form that runs, and mapped ever after.

A first load writes shard by shard into KEY.partial, with a journal of what is done, so that one that was killed goes on where it
stopped; the folder is published by a rename when it is whole. The layout is `kullm_tui.core.models.weights_cache`'s.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kullm_tui.core.causes import is_full
from kullm_tui.core.config.settings import Precision
from kullm_tui.core.errors import NoSpace
from kullm_tui.core.files import discard, sync_folder
from kullm_tui.core.language import say
from kullm_tui.core.models import weights_cache
from kullm_tui.core.models.weights_cache import FORMAT, JOURNAL, MANIFEST, Manifest, Shard
from kullm_tui.weights.files import Checkpoint, TensorReader, disk_fault, hub_repository
from kullm_tui.weights.plan import PlannedTensor
from kullm_tui.weights.progress import Cancelled, LoadProgress, Report, stop_if
from kullm_tui.weights.quantize import Form, int8_rows, packed_nf4, quantising, serialised_nf4
from kullm_tui.weights.shards import ShardWriter

_POLL_SECONDS = 0.2
_SPARE_BYTES = 1 << 26


@dataclass(frozen=True)
class Recipe:
    """What a cache entry is made from and into."""

    checkpoint: Checkpoint
    plan: tuple[PlannedTensor, ...]
    precision: Precision
    form: Form
    bytes: int
    shard_bytes: int = 1 << 30

    @property
    def model(self) -> str:
        folder = self.checkpoint.folder
        return hub_repository(folder) or folder.absolute().name

    @property
    def manifest(self) -> Manifest:
        source = str(self.checkpoint.folder.absolute())
        return Manifest(
            FORMAT,
            self.model,
            source,
            self.precision,
            self.form,
            fingerprint(self.checkpoint),
            (),
        )

    @property
    def key(self) -> str:
        digest = hashlib.sha256(f"{self.manifest.source}\0{self.precision}\0{self.form}".encode()).hexdigest()[:12]
        readable = "".join(char if char.isalnum() or char in "-_." else "-" for char in self.manifest.model)
        return f"{readable.lstrip('.')[-80:]}-{self.precision}-{digest}"


def fingerprint(checkpoint: Checkpoint) -> str:
    """Changes when a source file does. A link into the Hub's cache is named after its content; other files have a time."""
    digest = hashlib.sha256()
    for file in (checkpoint.folder / "config.json", *checkpoint.files):
        stat = file.stat()
        identity = file.resolve().name if file.is_symlink() else str(stat.st_mtime_ns)
        digest.update(f"{file.name}\0{stat.st_size}\0{identity}\n".encode())
    return digest.hexdigest()


def find_prepared(recipe: Recipe) -> Path | None:
    """The folder of an earlier load, if it was made whole from these very files."""
    folder = weights_cache.folder_of(recipe.key)
    manifest = weights_cache.read_manifest(folder)
    if manifest is None or manifest != _with_shards(recipe.manifest, manifest.shards):
        return None
    return folder


def _with_shards(manifest: Manifest, shards: tuple[Shard, ...]) -> Manifest:
    return Manifest(**{**asdict(manifest), "shards": shards})


def prepare(recipe: Recipe, report: Report, cancelled: Cancelled) -> Path:
    """The folder to map; made now, resumed, or waited for where another process makes it."""
    try:
        found = find_prepared(recipe)
        if found is None:
            with _only_writer(recipe, report, cancelled):
                found = find_prepared(recipe) or _build(recipe, report, cancelled)
        weights_cache.touch(found)
    except OSError as error:
        place = Path(error.filename or weights_cache.partial_folder_of(recipe.key))
        raise _no_space(recipe, place) if is_full(error) else disk_fault(error, place) from error
    return found


@contextmanager
def _only_writer(recipe: Recipe, report: Report, cancelled: Cancelled) -> Iterator[None]:
    while True:
        stop_if(cancelled)
        with weights_cache.try_lock(recipe.key) as held:
            if held:
                yield
                return
        written = _written(weights_cache.partial_folder_of(recipe.key))
        report(LoadProgress("wait", min(written, recipe.bytes), recipe.bytes))
        time.sleep(_POLL_SECONDS)


def _written(partial: Path) -> int:
    try:
        return weights_cache.bytes_in(partial)
    except FileNotFoundError:  # not begun yet, or published just now
        return 0


def _build(recipe: Recipe, report: Report, cancelled: Cancelled) -> Path:
    partial, final = weights_cache.partial_folder_of(recipe.key), weights_cache.folder_of(recipe.key)
    with quantising():
        shards = _write_shards(recipe, partial, report, cancelled)
    (partial / MANIFEST).write_text(_with_shards(recipe.manifest, shards).to_json(), encoding="utf-8")
    (partial / JOURNAL).unlink()
    sync_folder(partial)
    discard(final)
    partial.replace(final)
    sync_folder(final.parent)
    return final


def _write_shards(recipe: Recipe, partial: Path, report: Report, cancelled: Cancelled) -> tuple[Shard, ...]:
    done, finished = _resume(recipe, partial)
    _require_space(recipe, partial)
    total = sum(item.stored.bytes for item in recipe.plan)
    remaining = [item for item in recipe.plan if item.name not in finished]
    passed = total - sum(item.stored.bytes for item in remaining)
    report(LoadProgress("quantize", passed, total))
    reader = TensorReader(recipe.checkpoint)
    while remaining:
        taken = []
        with ShardWriter(partial / "unfinished") as writer:
            while remaining and writer.bytes < recipe.shard_bytes and not writer.full:
                stop_if(cancelled)
                item = remaining.pop(0)
                for part, tensor in made(item, reader.read(item.stored.key), recipe.form).items():
                    writer.add(f"{item.name}.{part}" if part else item.name, tensor)
                taken.append(item.name)
                passed += item.stored.bytes
                report(LoadProgress("quantize", passed, total))
            shard = Shard(f"weights-{len(done) + 1:05}.safetensors", writer.finish())
        writer.path.replace(partial / shard.file)
        sync_folder(partial)
        _append(partial / JOURNAL, {"shard": asdict(shard), "tensors": taken})
        done.append(shard)
    return tuple(done)


def made(item: PlannedTensor, source: torch.Tensor, form: Form) -> dict[str, torch.Tensor]:
    """The planned tensor in the form that runs: its main part under the empty name, its scales under theirs."""
    if item.treatment == "plain":
        return {"": source.to(item.dtype)}
    matrix = source.T if item.transposed else source
    quantise: Callable[[torch.Tensor], dict[str, torch.Tensor]] = int8_rows
    if item.treatment == "nf4":
        quantise = packed_nf4 if form == "packed" else serialised_nf4
    return quantise(matrix)


def _resume(recipe: Recipe, partial: Path) -> tuple[list[Shard], set[str]]:
    """The shards that an earlier attempt left whole, and the weights in them."""
    header = json.loads(recipe.manifest.to_json())
    rows = _journal_rows(partial / JOURNAL)
    done: list[Shard] = []
    finished: set[str] = set()
    if rows and rows[0] == header:
        for row in rows[1:]:
            shard = Shard(**row["shard"])
            if not _is_whole(partial / shard.file, shard):
                break
            done.append(shard)
            finished.update(row["tensors"])
    if not done:
        discard(partial)
        partial.mkdir(mode=0o700)
        _append(partial / JOURNAL, header)
    return done, finished


def _journal_rows(journal: Path) -> list[dict[str, Any]]:
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return []


def _is_whole(path: Path, shard: Shard) -> bool:
    return path.is_file() and path.stat().st_size == shard.bytes


def _append(journal: Path, row: Mapping[str, object]) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _require_space(recipe: Recipe, partial: Path) -> None:
    if shutil.disk_usage(partial).free < recipe.bytes - _written(partial) + _SPARE_BYTES:
        raise _no_space(recipe, partial)


def _no_space(recipe: Recipe, place: Path) -> NoSpace:
    folder = next(folder for folder in place.absolute().parents if folder.is_dir())
    free, needed = (f"{number / 1e9:.1f}" for number in (shutil.disk_usage(folder).free, recipe.bytes))
    return NoSpace(
        say(
            f"{folder}에 {recipe.model}의 {recipe.precision} 가중치를 쓸 공간이 없어요(필요 {needed} GB, 남음 {free} GB). "
            "공간을 비우거나 `kullm models prune`으로 쓰지 않는 가중치를 지우세요.",
            f"There is no room in {folder} for the {recipe.precision} weights of {recipe.model} "
            f"({needed} GB needed, {free} GB free). Free some space or delete unused weights with `kullm models prune`.",
        )
    )
