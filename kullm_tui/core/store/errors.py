"""What goes wrong with a SQLite file, said to a person."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.causes import cause_of, is_full
from kullm_tui.core.errors import KullmError, NoSpace, StoreBusy, StoreDamaged, StoreError, StoreMoved
from kullm_tui.core.korean import particle
from kullm_tui.core.language import say

# SQLite says "disk I/O error" where a full disk is met through a write, a sync or the WAL's shared memory.
_WRITES_THAT_NEED_ROOM = (
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
)
# What SQLite, or Python's module for it, says of broken text (our functions fail at no other) and of a broken schema, without a code of its own.
_DAMAGED = re.compile(
    "Could not decode to UTF-8|user-defined function raised|malformed|no such (function|table|column|module|collation)"
)


@dataclass(frozen=True)
class Contents:
    """What a file holds: whose migrations make its tables, and what a message calls it, in English by a plural."""

    package: str
    korean: str
    english: str
    rescued_by: tuple[str, str] | None = None  # what takes over what can be read, in both languages


@contextlib.contextmanager
def translated(path: Path, contents: Contents) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _store_error(error, path, contents) from error
    except UnicodeDecodeError as error:  # SQLite's own message quotes what stands in the broken schema
        raise damaged(path, contents) from error
    except OSError as error:
        if is_full(error):
            raise _no_space(path, contents) from error
        raise StoreError(
            say(
                f"{with_particle(contents, '을/를')} 열지 못했어요({cause_of(error)}): {path}",
                f"{contents.english} cannot be opened ({cause_of(error)}): {path}",
            )
        ) from error


def _no_space(path: Path, contents: Contents) -> NoSpace:
    return NoSpace(
        say(
            f"디스크가 가득 차서 {with_particle(contents, '을/를')} 저장하지 못했어요: {path}\n공간을 비우고 다시 해 보세요.",
            f"the disk is full, {contents.english} were not saved: {path}\nFree some space and try again.",
        )
    )


def damaged(path: Path, contents: Contents) -> StoreDamaged:
    backup = newest_backup(path)
    advice = say("다른 곳으로 옮기면 새로 시작해요.", "Move it away to begin anew.")
    if contents.rescued_by:
        korean, english = contents.rescued_by
        advice = say(
            f"{korean} 읽을 수 있는 것을 새 파일로 옮겨 줘요.",
            f"{english} takes what can be read over into a new file.",
        )
    if backup:
        advice = say(f"{advice} 이전 백업: {backup}", f"{advice} An earlier backup: {backup}")
    return StoreDamaged(
        say(
            f"{with_particle(contents, '이/가')} 깨져 있어요: {path}\n파일은 그대로 두었어요. {advice}",
            f"{contents.english} are damaged: {path}\nThe file was left as it is. {advice}",
        )
    )


def busy(path: Path, contents: Contents) -> StoreBusy:
    return StoreBusy(
        say(
            f"다른 작업이 {with_particle(contents, '을/를')} 쓰고 있어요: {path}\n잠시 뒤에 다시 해 보세요.",
            f"something else is writing {contents.english}: {path}\nTry again in a while.",
        )
    )


def moved(path: Path, contents: Contents) -> StoreMoved:
    return StoreMoved(
        say(
            f"{with_particle(contents, '이/가')} 있던 곳에 다른 파일이 있어요: {path}\n다시 여는 중이에요.",
            f"another file stands where {contents.english} were: {path}\nIt is being opened.",
        )
    )


def _store_error(error: sqlite3.Error, path: Path, contents: Contents) -> KullmError:
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code == sqlite3.SQLITE_FULL or extended in _WRITES_THAT_NEED_ROOM:
        return _no_space(path, contents)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or _DAMAGED.search(str(error)):
        return damaged(path, contents)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return busy(path, contents)
    return StoreError(
        say(
            f"{with_particle(contents, '을/를')} 쓸 수 없어요({cause_of(error)}): {path}\n파일과 폴더의 권한을 확인하세요.",
            f"{contents.english} cannot be used ({error}): {path}\nCheck the permissions of the file and its folder.",
        )
    )


def newest_backup(path: Path) -> Path | None:
    """A file that still has a number behind its number is a backup that was never finished."""
    whole = (file for file in path.parent.glob(f"{path.name}.backup-*") if file.suffix.startswith(".backup-"))
    return max(whole, key=lambda backup: backup.stat().st_mtime, default=None)


def with_particle(contents: Contents, pair: str) -> str:
    return f"{contents.korean}{particle(contents.korean, pair)}"
