"""What jobs are made of, kept by content: a file once for all jobs that need it, verified when it arrives, linked into trees.

blobs/SHA256           whole and verified
incoming/SHA256        on its way: as much of it as has come
trees/SHA256/…         code, data sets, models: links to blobs under the names that they have
"""

from __future__ import annotations

import contextlib
import hashlib
import json
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

    def receive(self, source: BinaryIO) -> None:
        """Files one behind the other, each a line of JSON and the bytes behind what is here of it already; cut short anywhere, it goes on there."""
        for line in iter(source.readline, b""):
            header = json.loads(line.decode("utf-8"))
            path = self.incoming(str(header["sha256"]))
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.truncate(min(int(header["offset"]), _size(path)))
                file.seek(0, os.SEEK_END)
                _copy(source, file, int(header["bytes"]))

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


def send(folder: Path, files: Sequence[dict[str, Any]], target: BinaryIO) -> None:
    """The other way round: of each file what is behind its offset; from the start where it is shorter than that by now."""
    for asked in files:
        with (folder / _inside(str(asked["path"]))).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            offset = int(asked["offset"]) if int(asked["offset"]) <= size else 0
            header = {"path": asked["path"], "offset": offset, "bytes": size - offset}
            target.write(json.dumps(header).encode("utf-8") + b"\n")
            file.seek(offset)
            _copy(file, target, size - offset)
    target.flush()


def _copy(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count > 0:
        block = source.read(min(count, _AT_ONCE))
        if not block:
            return
        target.write(block)
        count -= len(block)


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
