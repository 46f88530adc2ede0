"""A SQLite file: opening it safely, its journal mode, and numbered migrations with a backup before each.

What it refuses: a file that is damaged, belongs to a newer kullm or is no kullm database. Such a file is left untouched.
"""

import contextlib
import errno
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kullm_tui.core.errors import KullmError, NoSpace, StoreError
from kullm_tui.core.language import say

_BUSY_SECONDS = 10.0
# WAL shares memory between processes through the file, which these file systems do not carry between machines.
_NETWORK_FILE_SYSTEMS = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "fuse.sshfs", "fuse.glusterfs")
)  # fmt: skip

# SQLite says "disk I/O error" where a full disk is met through a write, a sync or the WAL's shared memory.
_WRITES_THAT_NEED_ROOM = (
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
)

_OCTAL = re.compile(r"\\([0-7]{3})")  # how the kernel writes blanks in a path


@dataclass(frozen=True)
class Contents:
    """What a file holds: whose migrations make its tables, and what a message calls it: a 파일, and a plural."""

    package: str
    korean: str
    english: str


CONVERSATIONS = Contents("kullm_tui.core", "대화 파일", "the conversations")


class Database:
    """One connection, used by one thread at a time."""

    def __init__(self, path: Path, contents: Contents = CONVERSATIONS) -> None:
        self.path = path
        self._contents = contents
        self.notice: str | None = None  # something that the user should know about the file
        self._lock = threading.RLock()
        with _translated(path, contents):
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            with contextlib.ExitStack() as undo:
                undo.callback(self._connection.close)
                self._prepare()
                undo.pop_all()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together, or nothing is."""
        with self._lock, _translated(self.path, self._contents):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        migrations = _migrations(self._contents.package)
        self._refuse_foreign(len(migrations))
        self._choose_journal()
        self._connection.execute("PRAGMA foreign_keys = ON")
        for number in range(self._version() + 1, len(migrations) + 1):
            self._migrate(number, migrations[number - 1])

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _refuse_foreign(self, known: int) -> None:
        version = self._version()
        if version > known:
            raise StoreError(
                say(
                    f"{self._contents.korean}이 더 새로운 kullm의 것입니다(버전 {version}, 이 프로그램은 {known}까지): {self.path}\n"
                    "kullm을 새 버전으로 올려 주세요. 파일은 그대로 두었습니다.",
                    f"{self._contents.english} belong to a newer kullm (version {version}, this program knows {known}): "
                    f"{self.path}\nUpgrade kullm. The file was left as it is.",
                )
            )
        # Asked again after the tables: another kullm may have made them since.
        if version == 0 and self._tables() and self._version() == 0:
            raise StoreError(
                say(
                    f"kullm의 {self._contents.korean}이 아닙니다: {self.path}\n다른 곳으로 옮긴 다음 다시 해 보세요.",
                    f"this is no database of kullm's: {self.path}\nMove it elsewhere and try again.",
                )
            )

    def _tables(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])

    def _choose_journal(self) -> None:
        kind = file_system_of(self.path)
        if kind not in _NETWORK_FILE_SYSTEMS and self._journal("WAL") == "wal":
            return
        self._journal("DELETE")
        self.notice = say(
            f"이 파일 시스템({kind or '알 수 없음'})에서는 WAL을 쓸 수 없어 느린 방식으로 저장합니다: {self.path}",
            f"no WAL on this file system ({kind or 'unknown'}); saving the slower way: {self.path}",
        )

    def _journal(self, mode: str) -> str:
        """The mode that the file is in afterwards; empty if it could not be changed."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return str(self._connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0])
            except sqlite3.OperationalError as error:
                # SQLite does not wait here by itself, and another kullm may be making the same change.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    return ""
                time.sleep(0.02)

    def _migrate(self, number: int, script: str) -> None:
        if number > 1:
            self._back_up(number - 1)
        with self.transaction() as connection:
            if self._version() >= number:
                return  # another kullm did it meanwhile
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")

    def _back_up(self, version: int) -> None:
        """A whole copy beside the file, under its final name only once it is complete."""
        backup = self.path.with_name(f"{self.path.name}.backup-{version}")
        draft = backup.with_name(f"{backup.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(draft)) as copy:
            self._connection.backup(copy)
        draft.replace(backup)


def file_system_of(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that holds the path; empty where the kernel does not tell (macOS)."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    resolved = path.resolve()
    best, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[1]))
        if len(point.parts) >= best and resolved.is_relative_to(point):
            best, kind = len(point.parts), fields[2]
    return kind


def _migrations(package: str) -> list[str]:
    folder = resources.files(package) / "migrations"
    scripts = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def _statements(script: str) -> Iterator[str]:
    """Statement by statement, because executescript would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextlib.contextmanager
def _translated(path: Path, contents: Contents) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _store_error(error, path, contents) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(path, contents) from error
        raise StoreError(
            say(
                f"{contents.korean}을 열지 못했습니다({error.strerror}): {path}",
                f"{contents.english} cannot be opened ({error.strerror}): {path}",
            )
        ) from error


def _no_space(path: Path, contents: Contents) -> NoSpace:
    return NoSpace(
        say(
            f"디스크가 가득 차서 {contents.korean}을 저장하지 못했습니다: {path}\n공간을 비우고 다시 해 보세요.",
            f"the disk is full, {contents.english} were not saved: {path}\nFree some space and try again.",
        )
    )


def _damaged(path: Path, contents: Contents) -> StoreError:
    whole = (file for file in path.parent.glob(f"{path.name}.backup-*") if file.suffix.startswith(".backup-"))
    backups = sorted(whole, key=lambda backup: backup.stat().st_mtime)
    advice = say("다른 곳으로 옮기면 새로 시작합니다.", "Move it away to begin anew.")
    if backups:
        advice = say(
            f"그 자리에 {backups[-1]} 파일을 넣거나, 다른 곳으로 옮기면 새로 시작합니다.",
            f"Put {backups[-1]} in its place, or move it away to begin anew.",
        )
    return StoreError(
        say(
            f"{contents.korean}이 깨져 있습니다: {path}\n파일은 그대로 두었습니다. {advice}",
            f"{contents.english} are damaged: {path}\nThe file was left as it is. {advice}",
        )
    )


def _store_error(error: sqlite3.Error, path: Path, contents: Contents) -> KullmError:
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code == sqlite3.SQLITE_FULL or extended in _WRITES_THAT_NEED_ROOM:
        return _no_space(path, contents)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(path, contents)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            say(
                f"다른 프로그램이 {contents.korean}을 붙잡고 있습니다: {path}\n잠시 뒤에 다시 해 보세요.",
                f"another program keeps {contents.english} locked: {path}\nTry again in a while.",
            )
        )
    return StoreError(
        say(
            f"{contents.korean}을 쓸 수 없습니다({error}): {path}\n파일과 폴더의 권한을 확인하세요.",
            f"{contents.english} cannot be used ({error}): {path}\nCheck the permissions of the file and its folder.",
        )
    )
