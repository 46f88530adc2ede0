"""Damage to a SQLite file, by chance and on purpose."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

PAGE = 4096
KINDS = ("bit", "bytes", "page", "zeros", "cut")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One to three faults of one kind."""
    found, kind = bytearray(data), chance.choice(KINDS)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(found))
        page = slice(at - at % PAGE, at - at % PAGE + PAGE)
        if kind == "bit":
            found[at] ^= 1 << chance.randrange(8)
        elif kind == "bytes":
            found[at : at + 8] = chance.randbytes(len(found[at : at + 8]))
        elif kind == "page":
            found[page] = chance.randbytes(len(found[page]))
        elif kind == "zeros":
            found[page] = bytes(len(found[page]))
        else:
            return bytes(found[: max(200, at)])
    return bytes(found)


def renumbered(file: Path, table: str, row: int, number: int) -> None:
    """Writes another number over a row's in a table of one page (https://www.sqlite.org/fileformat.html)."""
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    data = bytearray(file.read_bytes())
    start = (page - 1) * size
    assert data[start] == 0x0D, "a leaf"
    cell = start + int.from_bytes(data[start + 8 + 2 * row : start + 10 + 2 * row], "big")
    while data[cell] & 0x80:  # past the length
        cell += 1
    assert data[cell + 1] == row + 1
    data[cell + 1] = number
    file.write_bytes(data)
