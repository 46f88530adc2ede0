"""The quantised weights kept on disk: where each lies, what its manifest says, and how to throw one away.

    weights_cache_dir()/
      KEY/                manifest.json, weights-00001.safetensors …      whole, or not there at all
      KEY.partial/        journal.jsonl, the shards that are done         a first load that was cut short
      KEY.lock            held by the process that writes KEY

Writing and mapping the tensors needs torch and lives in `kullm_tui.weights.cache`; this module never imports it.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import UsageError
from kullm_tui.core.files import discard
from kullm_tui.core.language import say
from kullm_tui.core.paths import weights_cache_dir

FORMAT = 1
MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"
PARTIAL_SUFFIX = ".partial"
_LOCK_SUFFIX = ".lock"


@dataclass(frozen=True)
class Shard:
    file: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    format: int
    model: str
    source: str
    precision: str
    form: str
    fingerprint: str
    shards: tuple[Shard, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)


@dataclass(frozen=True)
class CachedWeights:
    key: str
    model: str
    source: str
    precision: str
    bytes: int
    last_used: float
    complete: bool


def folder_of(key: str) -> Path:
    return weights_cache_dir() / key


def partial_folder_of(key: str) -> Path:
    return weights_cache_dir() / (key + PARTIAL_SUFFIX)


def read_manifest(folder: Path) -> Manifest | None:
    """What the folder holds; None when it is missing, of another format, or its shards are not all whole."""
    try:
        manifest = _manifest_from(foreign_json.read(folder / MANIFEST))
        whole = all((folder / shard.file).stat().st_size == shard.bytes for shard in manifest.shards)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if whole and manifest.format == FORMAT else None


def _manifest_from(value: Mapping[str, Any]) -> Manifest:
    shards = tuple(Shard(str(row["file"]), int(row["bytes"])) for row in value["shards"])
    if any(Path(shard.file).name != shard.file for shard in shards):
        raise ValueError("a shard outside the folder")
    texts = {name: str(value[name]) for name in ("model", "source", "precision", "form", "fingerprint")}
    return Manifest(format=int(value["format"]), shards=shards, **texts)


def list_cached() -> list[CachedWeights]:
    """Everything that takes room in the cache, the most recently used first."""
    folders = [path for path in weights_cache_dir().iterdir() if path.is_dir() and not path.name.startswith(".")]
    entries = [entry for entry in map(_describe, folders) if entry is not None]
    return sorted(entries, key=lambda entry: entry.last_used, reverse=True)


def _describe(folder: Path) -> CachedWeights | None:
    """None when another process has just deleted or published it."""
    manifest = read_manifest(folder)
    header = manifest or _journal_header(folder / JOURNAL)
    marker = folder / MANIFEST if manifest else folder
    try:
        taken, last_used = bytes_in(folder), marker.stat().st_mtime
    except FileNotFoundError:
        return None
    return CachedWeights(
        key=folder.name.removesuffix(PARTIAL_SUFFIX),
        model=header.model if header else folder.name,
        source=header.source if header else "",
        precision=header.precision if header else "",
        bytes=taken,
        last_used=last_used,
        complete=manifest is not None,
    )


def bytes_in(folder: Path) -> int:
    """FileNotFoundError when the folder is gone; files that go meanwhile count nothing."""
    total = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _journal_header(journal: Path) -> Manifest | None:
    try:
        with journal.open(encoding="utf-8") as lines:
            return _manifest_from(json.loads(lines.readline()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def touch(folder: Path) -> None:
    """Note that the weights were used now; weights that were deleted meanwhile, or belong to somebody else, stay as they are."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        os.utime(folder / MANIFEST)


def remove(key: str) -> int:
    """Delete the key's weights, whole or half-written; the bytes set free."""
    if Path(key).name != key or key in ("", ".", ".."):
        raise UsageError(say(f"가중치 캐시에 {key!r} 항목이 없어요.", f"The weights cache has no entry {key!r}."))
    found = [entry for entry in list_cached() if entry.key == key]
    if not found:
        raise UsageError(
            say(
                f"가중치 캐시에 {key} 항목이 없어요. `kullm models prune`으로 목록을 확인하세요.",
                f"The weights cache has no entry {key}. See the list with `kullm models prune`.",
            )
        )
    with try_lock(key) as held:
        if not held:
            raise UsageError(
                say(
                    f"{found[0].model} 가중치를 지금 엔진이 준비하고 있어요. 끝난 뒤에 지우세요.",
                    f"The engine is preparing the weights of {found[0].model} now. Remove them when it is done.",
                )
            )
        for folder in (folder_of(key), partial_folder_of(key)):
            discard(folder)
        (weights_cache_dir() / (key + _LOCK_SUFFIX)).unlink(missing_ok=True)
    return sum(entry.bytes for entry in found)


@contextlib.contextmanager
def try_lock(key: str) -> Iterator[bool]:
    """Whether this process may write the key; held until the block ends."""
    path = weights_cache_dir() / (key + _LOCK_SUFFIX)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # `remove` unlinks the lock file: a lock on a file that is gone protects nothing.
        yield _still_at(path, os.fstat(file.fileno()).st_ino)


def _still_at(path: Path, inode: int) -> bool:
    try:
        return path.stat().st_ino == inode
    except FileNotFoundError:
        return False
