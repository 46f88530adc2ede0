"""What can still be read of a damaged file, taken over into a new one, row by row and with its numbers.

The damaged file is only copied, never opened: opening alone would change it. Nothing here trusts an index of it.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from kullm_tui.core.store.database import connected
from kullm_tui.core.store.errors import Contents, translated

_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)  # its messages may quote broken text
_HEAD_BYTES = 100
_AT_ONCE = 200  # rows; where one of them cannot be read, so many are asked for one by one
_MOST_UNREADABLE = 100_000  # rows in a row, after which a table is given up; in a small file fewer
_MOST_IN_A_PAGE = 100  # rows, of ours

Row = tuple[object, ...]
Facts = dict[str, object]
Prepared = Callable[[str, Facts], Facts]
T = TypeVar("T")


def rescue(
    damaged: Path,
    whole: Path,
    contents: Contents,
    finished: Callable[[sqlite3.Connection], T],
    prepared: Prepared = lambda _table, facts: facts,
) -> T:
    """`whole` is there, made by this kullm, and empty. All of it is taken over in one transaction, in which `finished` has the last word."""
    with (
        translated(whole, contents),
        tempfile.TemporaryDirectory(dir=whole.parent, prefix=".rescue-") as folder,
        closing(_opened_copy(damaged, Path(folder), whole)) as source,
        closing(connected(whole)) as target,
        target,
    ):
        target.execute("BEGIN IMMEDIATE")
        for table in tables(target):
            _copy(table, source, target, prepared)
        return finished(target)


def _opened_copy(damaged: Path, folder: Path, whole: Path) -> sqlite3.Connection:
    """Where only its head is damaged, with the head of the new file."""
    copy = folder / "copy"
    for ending in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(damaged.with_name(damaged.name + ending), copy.with_name(copy.name + ending))
    source = _connected(copy)
    try:
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except _DAMAGE:
        source.close()
        _graft_head(whole, copy)
        source = _connected(copy)
    return source


def _connected(copy: Path) -> sqlite3.Connection:
    source = sqlite3.connect(copy, isolation_level=None)
    source.text_factory = lambda data: data.decode("utf-8", errors="replace")
    return source


def _graft_head(whole: Path, copy: Path) -> None:
    """https://www.sqlite.org/fileformat.html: the first hundred bytes are the same in every file of ours but for its size and free pages."""
    head = bytearray(whole.read_bytes()[:_HEAD_BYTES])
    pages = copy.stat().st_size // int.from_bytes(head[16:18], "big")
    head[28:40] = pages.to_bytes(4, "big") + bytes(8)
    with copy.open("r+b") as file:
        file.write(head)


def tables(connection: sqlite3.Connection) -> list[str]:
    """The ordinary ones, in the order in which they were made; the search's are made anew."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        " AND name NOT LIKE 'message\\_words%' ESCAPE '\\' AND name NOT LIKE 'title\\_words%' ESCAPE '\\'"
        " AND name NOT LIKE 'sqlite%' ORDER BY rowid"
    )
    return [row["name"] for row in rows]


def _copy(table: str, source: sqlite3.Connection, target: sqlite3.Connection, prepared: Prepared) -> None:
    names = _shared_columns(table, source, target)
    if not names:
        return
    columns = ", ".join(names)
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in names)})"
    for row in _rows(source, f"SELECT rowid, {columns} FROM {table} NOT INDEXED"):
        facts = dict(zip(names, row[1:], strict=True))
        with contextlib.suppress(sqlite3.IntegrityError):  # damage that made a number of a text
            target.execute(insert, prepared(table, facts))


def _shared_columns(table: str, source: sqlite3.Connection, target: sqlite3.Connection) -> list[str]:
    there: set[str] = set()
    with contextlib.suppress(*_DAMAGE):
        there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
    return [row["name"] for row in target.execute(f"PRAGMA table_info({table})") if row["name"] in there]


def _rows(source: sqlite3.Connection, select: str) -> Iterator[Row]:
    """Every row that can be read, once. Damage may have changed a number, so that none of them is trusted to be the greatest so far."""
    reading = _Reading(source, select)
    if (yield from reading.along("ORDER BY rowid")):
        return
    first = min(reading.latest, default=0)
    yield from reading.along("ORDER BY rowid DESC")
    yield from reading.between(first, max(reading.latest, default=first))


class _Reading:
    """One table, whose rows are told once however often a broken tree leads back to them."""

    def __init__(self, source: sqlite3.Connection, select: str) -> None:
        self._source, self._select = source, select
        self._seen: set[int] = set()
        (pages,) = source.execute("PRAGMA page_count").fetchone()
        self._most_unreadable = min(_MOST_UNREADABLE, _MOST_IN_A_PAGE * int(pages))
        self.latest: deque[int] = deque(maxlen=5)  # numbers, of which one or two may be wrong

    def along(self, order: str) -> Generator[Row, None, bool]:
        """As far as it goes; True where it went to the end."""
        self.latest.clear()
        repeated = 0
        try:
            for row in self._source.execute(f"{self._select} {order}"):
                self.latest.append(_number(row))
                if self._is_new(row):
                    yield row
                elif (repeated := repeated + 1) > self._most_unreadable:
                    return False
        except _DAMAGE:
            return False
        return True

    def between(self, last: int, end: int) -> Iterator[Row]:
        """Over any gap. Each round either tells something new, or comes nearer to giving up."""
        unreadable = 0
        while unreadable < self._most_unreadable and (last < end or end == 0):
            try:
                found: Sequence[Row] = self._source.execute(
                    f"{self._select} WHERE rowid > ? ORDER BY rowid LIMIT {_AT_ONCE}", (last,)
                ).fetchall()
            except _DAMAGE:
                found = list(_one_by_one(self._source, self._select, range(last + 1, last + 1 + _AT_ONCE)))
                ahead = []
            else:
                ahead = [number for number in map(_number, found) if number > last]
                if not found:
                    return
            fresh = [row for row in found if self._is_new(row)]
            yield from fresh
            last = max(ahead, default=last + _AT_ONCE)
            unreadable = 0 if fresh else unreadable + _AT_ONCE

    def _is_new(self, row: Row) -> bool:
        number = _number(row)
        is_new = number not in self._seen
        self._seen.add(number)
        return is_new


def _number(row: Row) -> int:
    return int(str(row[0]))


def _one_by_one(source: sqlite3.Connection, select: str, numbers: Iterable[int]) -> Iterator[Row]:
    for number in numbers:
        with contextlib.suppress(*_DAMAGE):
            yield from source.execute(f"{select} WHERE rowid = ?", (number,)).fetchall()
