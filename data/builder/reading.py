"""A source's rows, each once."""

from collections.abc import Iterator

from data.row import Rejection, Row
from kullm_tui.core.language import say


def each_once(rows: Iterator[Row | Rejection], most: int) -> Iterator[Row | Rejection]:
    """At most so many rows (0: all), each once."""
    once = _once(rows)
    return _at_most(once, most) if most else once


def _once(rows: Iterator[Row | Rejection]) -> Iterator[Row | Rejection]:
    seen: dict[bytes, str] = {}
    for row in rows:
        if isinstance(row, Rejection):
            yield row
            continue
        digest = bytes.fromhex(row.id.rpartition("-")[2])
        if digest in seen:
            first = seen[digest]
            yield Rejection(row, "same-row", say(f"{first}의 행과 같아요", f"the same as the row at {first}"))
        else:
            seen[digest] = row.place
            yield row


def _at_most(rows: Iterator[Row | Rejection], most: int) -> Iterator[Row | Rejection]:
    kept = 0
    for row in rows:
        yield row
        kept += isinstance(row, Row)
        if kept == most:
            return
