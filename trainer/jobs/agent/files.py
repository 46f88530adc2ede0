"""How a job's small files are written and read: published whole, appended by whole lines, locked. Standard library, 3.8."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator, Mapping

_READ_AT_MOST = 16 << 20  # a document of ours is far smaller
_LINE_AT_MOST = 4 << 20


def publish(path: Path, value: Mapping[str, Any]) -> None:
    """A reader sees the old document or the new one, also after the machine lost its power."""
    publish_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def publish_text(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix="." + path.name + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        with contextlib.suppress(OSError):  # it has its name by now, where nothing failed
            Path(name).unlink()
    sync(path.parent)


def overwrite(path: Path, value: Mapping[str, Any]) -> None:
    """Within the room that the old document has, where a new one finds none: a single write, with blanks over what was longer."""
    data = json.dumps(value, ensure_ascii=False).encode("utf-8")
    handle = os.open(str(path), os.O_WRONLY)
    try:
        os.pwrite(handle, data.ljust(os.fstat(handle).st_size), 0)
        os.fsync(handle)
    finally:
        os.close(handle)


def sync(folder: Path) -> None:
    """What was renamed in it stays so."""
    handle = os.open(str(folder), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def document(path: Path) -> dict[str, Any]:
    """Empty for a file that is not there or is no JSON object."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_READ_AT_MOST).decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def append(path: Path, row: Mapping[str, Any]) -> None:
    """One whole line; behind the half line of a killed writer it begins a new one."""
    line = json.dumps(row, ensure_ascii=False, allow_nan=True).encode("utf-8") + b"\n"
    handle = os.open(str(path), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        cut_short = size and os.pread(handle, 1, size - 1) != b"\n"
        data = b"\n" + line if cut_short else line
        if os.write(handle, data) < len(data):  # a disk that fills up takes what it can and says nothing
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(handle)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole row; what is no JSON object is passed over."""
    for line in _lines(path):
        row = row_of(line)
        if row is not None:
            yield row


def _lines(path: Path) -> Iterator[bytes]:
    """In pieces where a line has no end: garbage of any length is read without being held."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        while True:
            line = file.readline(_LINE_AT_MOST)
            if not line:
                return
            yield line


def row_of(line: str | bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def last_row(path: Path, *, within: int = 64 << 10) -> dict[str, Any]:
    """The newest whole row, found from the end: a file of any length is read at its tail alone. Empty for none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - within))
            tail = file.read()
    except OSError:
        return {}
    for line in reversed(tail[: tail.rfind(b"\n") + 1].splitlines()):
        row = row_of(line)
        if row is not None:
            return row
    return {}


def entries(folder: Path) -> list[Path]:
    """By name; without what is being made or removed."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def discard(folder: Path) -> None:
    """It is gone from its name at once, whole: who still writes in it finds no folder, and brings none of it back."""
    doomed = tempfile.mkdtemp(dir=str(folder.parent), prefix="." + folder.name + ".")
    with contextlib.suppress(FileNotFoundError):  # someone else removed it
        folder.replace(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def private_dir(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def try_lock(path: Path) -> int | None:
    """The lock's descriptor, which holds it until it is closed or the process ends; None where another has it."""
    handle = os.open(str(path), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def is_locked(path: Path) -> bool:
    """Whether somebody holds it. Asked by taking it for a moment, so nobody may mind finding it taken for that moment."""
    if not path.exists():
        return False
    handle = try_lock(path)
    if handle is None:
        return True
    os.close(handle)
    return False


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """One process at a time; the others wait."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
