"""What jobs are made of, kept by content: a file once for all jobs that need it, verified when it arrives, linked into trees.

blobs/SHA256           whole and verified
incoming/SHA256        on its way: as much of it as has come
trees/SHA256/…         code, data sets, models: links to blobs under the names that they have
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Sequence

from trainer.jobs.agent.files import private_dir, sync

_AT_ONCE = 1 << 20
_DIGITS = frozenset("0123456789abcdef")


class Damaged(Exception):
    """What came is not what was sent."""


@dataclass(frozen=True)
class Store:
    root: Path

    def blob(self, digest: str) -> Path:
        return private_dir(self.root / "blobs") / _checked(digest)

    def incoming(self, digest: str) -> Path:
        return private_dir(self.root / "incoming") / _checked(digest)

    def tree(self, digest: str) -> Path:
        return private_dir(self.root / "trees") / _checked(digest)

    def missing(self, files: Sequence[dict[str, Any]]) -> dict[str, int]:
        """By digest: how many bytes of it are here already."""
        wanted = {str(file["sha256"]) for file in files}
        return {digest: _size(self.incoming(digest)) for digest in sorted(wanted) if not self.blob(digest).is_file()}

    def receive(self, digest: str, offset: int, source: BinaryIO) -> int:
        """Bytes behind what is here already, to the end of the stream; how many of it are here now."""
        path = self.incoming(digest)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(min(offset, _size(path)))
            file.seek(0, os.SEEK_END)
            shutil.copyfileobj(source, file, _AT_ONCE)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def accept(self, digests: Sequence[str]) -> None:
        """Whole files become blobs. Damaged for one whose bytes are others; it is thrown away, to be sent again."""
        for digest in digests:
            if self.blob(digest).is_file():
                continue
            path = self.incoming(digest)
            if not path.is_file() or sha256(path) != digest:
                with contextlib.suppress(OSError):
                    path.unlink()
                raise Damaged(digest)
            path.chmod(0o400)
            path.replace(self.blob(digest))
        sync(private_dir(self.root / "blobs"))

    def publish_tree(self, digest: str, files: Sequence[dict[str, Any]]) -> Path:
        """Whole or not there; made once, also where two jobs come together."""
        place = self.tree(digest)
        if place.is_dir():
            return place
        draft = Path(tempfile.mkdtemp(dir=str(place.parent), prefix="." + digest[:8] + "."))
        try:
            for file in files:
                target = draft / _inside(str(file["path"]))
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(self.blob(str(file["sha256"])), target)
            with contextlib.suppress(OSError):  # another job made it meanwhile
                draft.rename(place)
        finally:
            shutil.rmtree(str(draft), ignore_errors=True)
        return place


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_AT_ONCE), b""):
            digest.update(block)
    return digest.hexdigest()


def listed(folder: Path) -> list[dict[str, Any]]:
    """Every regular file below, by its path from there: what a fetch must bring, and how it is proved whole."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [
        {"path": str(file.relative_to(folder)), "size": file.stat().st_size, "sha256": sha256(file)} for file in files
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _link(blob: Path, target: Path) -> None:
    try:
        os.link(str(blob), str(target))
    except OSError:  # a file system without links
        shutil.copyfile(str(blob), str(target))


def _checked(digest: str) -> str:
    if len(digest) != 64 or not set(digest) <= _DIGITS:
        raise ValueError(f"not a digest: {digest[:80]!r}")
    return digest


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or not path:
        raise ValueError(f"outside of the tree: {path[:80]!r}")
    return path
