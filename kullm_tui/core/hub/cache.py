"""The hub's cache on this disk, in the layout that every Hugging Face tool shares. No network here.

models--OWNER--NAME/            datasets--OWNER--NAME/ of a data set, which is named datasets/OWNER/NAME here
  blobs/BLOB                    a file's content, under its hash; BLOB.kullm-part while it arrives
  snapshots/COMMIT/FILE         a link to the blob
  refs/REVISION                 the commit that a branch stood at
  .kullm.lock                   held by the process that writes here
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core import files, foreign_json, paths
from kullm_tui.core.errors import HubError
from kullm_tui.core.language import say

USUAL_REVISION = "main"
COMMIT = re.compile(r"[0-9a-f]{40}")

DATASETS = "datasets/"  # before the name of a data set, as in the hub's own addresses

_LOCK = ".kullm.lock"
_PART_SUFFIX = ".kullm-part"
_UNFINISHED = (_PART_SUFFIX, ".incomplete")
_ABANDONED_SECONDS = 3600.0
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_WHOLE_FILES = ("model.safetensors", "pytorch_model.bin", "adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True)
class Leftover:
    """What nothing needs any more of one repository."""

    repository: str
    paths: tuple[Path, ...]
    bytes: int


def hub_cache() -> Path:
    """Where the hub's own tools keep their files, by the same variables."""
    chosen = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return paths.typed(os.path.expandvars(chosen)) if chosen else hub_home() / "hub"


def hub_home() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return paths.typed(os.path.expandvars(os.environ.get("HF_HOME") or f"{cache}/huggingface"))


def repository_folder(repository: str) -> Path:
    kind = [] if repository.startswith(DATASETS) else ["models"]
    return hub_cache() / "--".join([*kind, *repository.split("/")])


def part_of(blob: Path) -> Path:
    """Where a file waits until all of it is here."""
    return blob.with_name(blob.name + _PART_SUFFIX)


def has_begun(repository: str) -> bool:
    """Whether a download that was cut short can go on from something."""
    return any(map(size_of, (repository_folder(repository) / "blobs").glob(f"*{_PART_SUFFIX}")))


def cached_snapshot(repository: str, revision: str | None) -> Path | None:
    """The folder of the files, if the model is here and whole."""
    snapshot = _snapshot(repository, revision)
    return snapshot if snapshot and is_whole(snapshot) else None


def cached_files(repository: str, revision: str | None, names: Sequence[str]) -> Path | None:
    """The folder with these files, if all of them are here; a pattern is not known to be complete without asking the hub."""
    snapshot = _snapshot(repository, revision)
    return snapshot if snapshot and all((snapshot / name).is_file() for name in names) else None


def _snapshot(repository: str, revision: str | None) -> Path | None:
    folder = repository_folder(repository)
    wanted = revision or USUAL_REVISION
    try:
        commit = wanted if COMMIT.fullmatch(wanted) else (folder / "refs" / wanted).read_text().strip()
    except OSError:
        return None
    return folder / "snapshots" / commit if COMMIT.fullmatch(commit) else None


def is_whole(snapshot: Path) -> bool:
    """A configuration and all of the weights: other tools leave snapshots that were cut short."""
    if not any((snapshot / name).is_file() for name in ("config.json", "adapter_config.json")):
        return False
    for name in _INDEXES:
        if (snapshot / name).is_file():
            return all((snapshot / shard).is_file() for shard in _shards(snapshot / name))
    return any((snapshot / name).is_file() for name in _WHOLE_FILES)


def remove_repository(repository: str) -> int:
    """Delete everything of the repository; the bytes set free."""
    folder = repository_folder(repository)
    if not folder.is_dir():
        return 0
    with locked(repository):
        freed = size_of(folder)
        files.discard(folder)
    return freed


def leftover_of(repository: str, *, pinned: tuple[str, ...] = ()) -> Leftover | None:
    """Files that no branch, tag or pinned commit leads to, and downloads abandoned more than an hour ago."""
    folder = repository_folder(repository)
    if not folder.is_dir():
        return None
    snapshots, blobs = folder / "snapshots", folder / "blobs"
    refs = {path.read_text(errors="replace").strip() for path in (folder / "refs").rglob("*") if path.is_file()}
    kept = {*refs, *pinned}
    old = [path for path in _entries(snapshots) if path.name not in kept]
    needed = {link.resolve() for path in _entries(snapshots) if path not in old for link in path.rglob("*")}
    free = [blob for blob in _entries(blobs) if _is_free(blob, needed)]
    paths = (*old, *free)
    return Leftover(repository, paths, sum(size_of(path) for path in paths)) if paths else None


def discard(leftover: Leftover) -> int:
    """The bytes set free."""
    with locked(leftover.repository):
        for path in leftover.paths:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    return leftover.bytes


def size_of(path: Path) -> int:
    """Bytes on disk; a link counts nothing."""
    if path.is_symlink():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(size_of(child) for child in path.iterdir()) if path.is_dir() else 0


@contextlib.contextmanager
def locked(repository: str) -> Iterator[None]:
    folder = repository_folder(repository)
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HubError(
                say(
                    f"다른 kullm이 {repository} 저장소를 받고 있어요. 끝난 뒤에 다시 해 보세요.",
                    f"Another kullm is fetching {repository}. Try again when it is done.",
                )
            ) from error
        yield


def _shards(index: Path) -> list[str]:
    try:
        return sorted(set(foreign_json.read(index)["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [""]  # the snapshot's own folder, which is no file: not whole


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_free(blob: Path, needed: set[Path]) -> bool:
    # What is young may belong to a download of another tool that goes on now.
    if time.time() - blob.lstat().st_mtime < _ABANDONED_SECONDS:
        return False
    return blob.name.endswith(_UNFINISHED) or blob.resolve() not in needed
