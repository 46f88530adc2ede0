"""The order of a finished set: by a hash of each row's id, so that it depends on nothing but the seed and the rows. A subset keeps it."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.builder.stage import Stage
from data.lines import told_in
from data.row import Row, of_json


@dataclass(frozen=True, order=True, slots=True)
class _Place:
    number: bytes
    chunk: int
    start: int


def in_order(stages: Sequence[Stage], sources: Collection[str], seed: int) -> Iterator[Row]:
    """Of these sources. Only the rows' places are held, some 150 bytes each."""
    chunks = [chunk for stage in stages for chunk in stage.chunks()]
    places = sorted(_places(chunks, sources, seed))
    for place in places:
        with chunks[place.chunk].open("rb") as file:  # thousands of chunks are more than a process may hold open
            file.seek(place.start)
            yield of_json(told_in(file.readline()))


def place_in_order(row_id: str, seed: int) -> bytes:
    return _number("order", row_id, seed)


def share_of(row: Row, seed: int) -> float:
    """From 0 to 1, by the row's id: a held-out row is so in every mixture that it stands in."""
    return int.from_bytes(_number("held", row.id, seed)[:8]) / 2**64


def _places(chunks: list[Path], sources: Collection[str], seed: int) -> Iterator[_Place]:
    for number, chunk in enumerate(chunks):
        with chunk.open("rb") as lines:
            start = 0
            for line in lines:
                if not line.startswith(b'{"rejected"'):
                    told = told_in(line)
                    if told["source"] in sources:
                        yield _Place(place_in_order(told["id"], seed), number, start)
                start += len(line)


def _number(what: str, identity: str, seed: int) -> bytes:
    return hashlib.sha256(f"{what}\0{seed}\0{identity}".encode()).digest()[:16]
