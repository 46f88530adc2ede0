"""Fetching a model or a data set from the hub: listed first, checked against the disk, resumed where it broke off, published last.

huggingface_hub answers for proxies, errors, the stored token and the shared cache's layout. The bytes are fetched here, since
its own downloads keep nothing of a file that was cut short, check no hash, and these files are tens of gigabytes
(docs/experiments.md). A snapshot is linked together only when every file is here and has the hash that the hub gave for it.
"""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.errors import ModelNotFound, NoSpace
from kullm_tui.core.hub.cache import USUAL_REVISION, cached_snapshot, locked, part_of, repository_folder, size_of
from kullm_tui.core.hub.errors import translated
from kullm_tui.core.hub.listing import HubFile, choose_files, chosen_by_name
from kullm_tui.core.hub.transfer import HubSource, Meter, Progress, obtain
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text

__all__ = ["Progress", "cached_snapshot", "pull", "pull_files"]

_REVISION = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
_FREE_MARGIN_BYTES = 64 * 2**20

_PUBLISHED_LAST = ("config.json", "adapter_config.json")


@dataclass(frozen=True)
class Pulled:
    commit: str
    files: tuple[Path, ...]


def pull(
    repository: str,
    *,
    revision: str | None = None,
    progress: Progress | None = None,
    token: str | None = None,
    with_code: bool = False,
) -> Path:
    """The folder with the model's files, fetched where they were missing.

    `with_code` takes the repository's Python files too, for a model whose own code the user trusts.
    """

    def choose(files: Sequence[HubFile]) -> tuple[HubFile, ...]:
        return choose_files(repository, files, with_code=with_code)

    return _fetched(repository, revision or USUAL_REVISION, choose, progress, token)[0]


def pull_files(
    repository: str,
    patterns: Sequence[str],
    *,
    revision: str | None = None,
    progress: Progress | None = None,
    token: str | None = None,
) -> Pulled:
    """The files that fit these patterns, in the order of their names."""

    def choose(files: Sequence[HubFile]) -> tuple[HubFile, ...]:
        return chosen_by_name(repository, files, patterns)

    folder, chosen = _fetched(repository, revision or USUAL_REVISION, choose, progress, token)
    return Pulled(folder.name, tuple(folder / file.name for file in chosen))


def _fetched(
    repository: str,
    wanted: str,
    choose: Callable[[Sequence[HubFile]], tuple[HubFile, ...]],
    progress: Progress | None,
    token: str | None,
) -> tuple[Path, tuple[HubFile, ...]]:
    if not _REVISION.fullmatch(wanted) or ".." in wanted:
        raise ModelNotFound(say(f"리비전 이름이 아니에요: {wanted}", f"{wanted} is no name of a revision."))
    with translated(repository, wanted):
        source = HubSource(repository, token)
        listing = source.listing(wanted)
        files = choose(listing.files)
        folder = repository_folder(repository)
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
        with locked(repository):
            _require_space(folder, files)
            done = Meter(sum(file.bytes for file in files), progress)
            for file in files:
                obtain(source, listing.commit, file, folder, done)
            return _publish(folder, wanted, listing.commit, files), files


def _require_space(folder: Path, files: Sequence[HubFile]) -> None:
    wanted = {folder / "blobs" / file.blob: file.bytes for file in files}
    missing = sum(max(0, size - size_of(part_of(blob))) for blob, size in wanted.items() if not blob.exists())
    free = shutil.disk_usage(folder).free
    if missing and free < missing + _FREE_MARGIN_BYTES:
        raise NoSpace(
            say(
                f"{folder.parent}에 {size_text(missing)}가 필요한데 {size_text(free)} 남았어요. "
                "공간을 비우거나 HF_HOME으로 다른 디스크를 쓰세요. `kullm models prune`이 지울 만한 것을 보여 줘요.",
                f"{folder.parent} needs {size_text(missing)} and has {size_text(free)} free. "
                "Free some, or set HF_HOME to another disk. `kullm models prune` shows what can go.",
            )
        )


def _publish(folder: Path, revision: str, commit: str, files: Sequence[HubFile]) -> Path:
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True, exist_ok=True)
    for file in sorted(files, key=lambda file: file.name in _PUBLISHED_LAST):
        path = snapshot / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        _link(path, "../" * (file.name.count("/") + 2) + f"blobs/{file.blob}")
    if revision != commit:
        ref = folder / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft_of(ref)
        draft.write_text(commit)
        draft.replace(ref)
    return snapshot


def _link(path: Path, target: str) -> None:
    draft = _draft_of(path)
    draft.symlink_to(target)
    draft.replace(path)


def _draft_of(path: Path) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    return draft
