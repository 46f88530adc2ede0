"""A SQLite file: opening it safely, its journal mode, and numbered migrations with a backup before each.

What it refuses: a file that is damaged, belongs to a newer kullm or is no kullm database. Such a file is left untouched.
"""

import contextlib
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from kullm_tui.core.errors import StoreError
from kullm_tui.core.korean import particle
from kullm_tui.core.language import say
from kullm_tui.core.store.errors import Contents, busy, moved, translated
from kullm_tui.core.text import nfd

_BUSY_SECONDS = 10.0
PATIENCE_FOR_WHAT_WAS_PAID_S = 300.0  # it would be bought again, and on a busy machine others write for long
# WAL shares memory between processes through the file, which these file systems do not carry between machines.
_NETWORK_FILE_SYSTEMS = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "fuse.sshfs", "fuse.glusterfs")
)  # fmt: skip

_OCTAL = re.compile(r"\\([0-7]{3})")  # how the kernel writes blanks in a path


CONVERSATIONS = Contents(
    "kullm_tui.core.store", "대화 파일", "the conversations", ("`kullm`으로 앱을 열면", "Opening the app with `kullm`")
)


class Database:
    """One connection that writes, used by one thread at a time, and beside it as many as there are readers."""

    def __init__(self, path: Path, contents: Contents = CONVERSATIONS) -> None:
        self.path = path
        self._contents = contents
        self.notice: str | None = None  # something that the user should know about the file
        self._lock = threading.RLock()
        self._readers_lock = threading.Lock()
        self._idle_readers: list[sqlite3.Connection] = []
        self._closed = False
        with translated(path, contents):
            path.touch(mode=0o600)
            self._connection = connected(path)
            self._file = _identity(path)
            with contextlib.ExitStack() as undo:
                undo.callback(self._connection.close)
                self._prepare()
                undo.pop_all()

    def close(self) -> None:
        with self._lock, self._readers_lock:
            self._closed = True
            self._connection.close()
            while self._idle_readers:
                self._idle_readers.pop().close()

    @contextlib.contextmanager
    def transaction(self, *, patience_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together, or nothing is. StoreBusy where others write for longer than that."""
        patience = _BUSY_SECONDS if patience_s is None else patience_s
        with self._mine(patience), translated(self.path, self._contents):
            self._refuse_moved()
            self._connection.execute(f"PRAGMA busy_timeout = {int(1000 * patience)}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _mine(self, patience: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=patience):
            raise busy(self.path, self._contents)
        try:
            yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the file, whoever writes meanwhile: a long search holds up no reply that is being saved."""
        with translated(self.path, self._contents):
            self._refuse_moved()
            reader = self._idle_reader()
            try:
                reader.execute("BEGIN")
                yield reader
            finally:
                if reader.in_transaction:
                    reader.execute("ROLLBACK")
                with self._readers_lock:
                    if self._closed:
                        reader.close()
                    else:
                        self._idle_readers.append(reader)

    @property
    def is_moved(self) -> bool:
        """Whether another file, or none, stands where this one was opened: what were written now would be lost there."""
        return _identity(self.path) != self._file

    def _refuse_moved(self) -> None:
        if self.is_moved:
            raise moved(self.path, self._contents)

    def _idle_reader(self) -> sqlite3.Connection:
        with self._readers_lock:
            if self._closed:
                raise sqlite3.ProgrammingError("closed")
            if self._idle_readers:
                return self._idle_readers.pop()
        reader = connected(self.path)
        reader.execute("PRAGMA query_only = ON")
        return reader

    def _prepare(self) -> None:
        migrations = _migrations(self._contents.package)
        self._refuse_foreign(len(migrations))
        self._choose_journal()
        self._connection.execute("PRAGMA foreign_keys = ON")
        found = self._version()
        for number in range(found + 1, len(migrations) + 1):
            if found:  # a file that was made just now holds nothing to keep
                self._back_up(number - 1)
            self._migrate(number, migrations[number - 1])

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _refuse_foreign(self, known: int) -> None:
        version = self._version()
        if version > known:
            raise StoreError(
                say(
                    f"{self._contents.korean}{particle(self._contents.korean, '이/가')} 더 새로운 kullm이 만들었어요(버전 {version}, 이 프로그램은 {known}까지): {self.path}\n"
                    "kullm을 새 버전으로 올려 주세요. 파일은 그대로 두었어요.",
                    f"{self._contents.english} belong to a newer kullm (version {version}, this program knows {known}): "
                    f"{self.path}\nUpgrade kullm. The file was left as it is.",
                )
            )
        # Asked again after the tables: another kullm may have made them since.
        if version == 0 and self._tables() and self._version() == 0:
            raise StoreError(
                say(
                    f"kullm의 {self._contents.korean}{particle(self._contents.korean, '이/가')} 아니에요: {self.path}\n다른 곳으로 옮긴 다음 다시 해 보세요.",
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
            f"이 파일 시스템({kind or '알 수 없음'})에서는 WAL을 쓸 수 없어 느린 방식으로 저장해요: {self.path}",
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


def inserted(connection: sqlite3.Connection, table: str, **values: Any) -> int:
    """The id of the new row."""
    places = ", ".join("?" * len(values))
    row = connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values()))
    assert row.lastrowid is not None
    return row.lastrowid


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


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(FileNotFoundError):
        facts = path.stat()
        return facts.st_dev, facts.st_ino
    return None


def connected(path: Path) -> sqlite3.Connection:
    """With the program's own functions, which the tables' triggers call."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.create_function("decomposed", 2, _decomposed, deterministic=True)
    connection.execute("PRAGMA trusted_schema = ON")  # or the triggers could not call it
    return connection


def _decomposed(content: str, more: str) -> str:
    """What is searched of a message or title. No word goes across the newline."""
    return nfd(f"{content}\n{more}" if more else content).lower()


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
