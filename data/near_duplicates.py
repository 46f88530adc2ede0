"""Rows that say what an earlier row says, found by MinHash over folded text and decided by the exact overlap of their shingles.

    row → folded text → shingles of 5 letters, as hashes → 120 minima → 20 bands of 6
                                     │                                    │
                                a temporary file                  rows with an equal band
                                     └───── Jaccard ≥ 0.8, exactly ───────┘

The earliest of a group stays, so the order of the rows decides. Sketches are made in worker processes, a few chunks ahead; what stays in memory
is 20 numbers a row. The minima are those of datasketch 2, number for number, made of a whole row at once: five to eight times as fast as its own, so that
what another library would save is less than what it costs to have results depend on which one is installed.
"""

import tempfile
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from data.folded import folded_row
from data.processes import processes
from data.row import Rejection, Row
from kullm_tui.core.language import say

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]

_RULES = 1
SHINGLE = 5
BANDS, BAND = (
    20,
    6,
)  # of two texts that share 0.8 of their shingles 99.8 % meet in a band, of two that share 0.3 one percent
MINIMA = BANDS * BAND
_SEED = 1
_CHUNK = 500
_BASE = 0x9E3779B97F4A7C15  # an odd number whose powers fill 64 bits
_AT_ONCE = 2048  # shingles whose products with all permutations fit a processor's cache


@dataclass(frozen=True)
class NearDuplicates:
    """Without workers it sketches in its own process."""

    threshold: float = 0.8
    workers: int = 0
    name = "near-duplicates"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rules": _RULES, "threshold": self.threshold, "shingle": SHINGLE, "bands": BANDS, "band": BAND}

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row | Rejection]:
        with _Kept(self.threshold) as kept:
            for row, sketch in _sketched(rows, self.workers):
                found = kept.like(sketch)
                if found is None:
                    kept.add(row.id, sketch)
                    yield row
                else:
                    yield _rejected(row, *found)


@dataclass(frozen=True)
class Sketch:
    shingles: bytes  # their hashes, 32 bits each, in order and each once
    bands: bytes  # a number of 64 bits for each


def _rejected(row: Row, twin: str, overlap: float) -> Rejection:
    return Rejection(
        row,
        "near-duplicate",
        say(f"앞에 나온 {twin}과(와) {overlap:.0%} 겹쳐요.", f"{overlap:.0%} of it is in {twin}, which came before."),
    )


class _Kept:
    """What is remembered of the rows that stayed. Shingles lie in a file: they are asked for only when two rows meet in a band."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._ids: list[str] = []
        self._in_band: dict[int, int | tuple[int, ...]] = {}
        self._ends = array("Q", [0])
        self._file: BinaryIO

    def __enter__(self) -> "_Kept":
        self._file = tempfile.TemporaryFile(prefix="kullm-shingles-")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def like(self, sketch: Sketch) -> tuple[str, float] | None:
        """The earliest that overlaps enough."""
        met = set[int]()
        for band in array("Q", sketch.bands):
            found = self._in_band.get(band)
            if found is not None:
                met.update((found,) if isinstance(found, int) else found)
        for number in sorted(met):
            overlap = jaccard(sketch.shingles, self._shingles(number), self._threshold)
            if overlap >= self._threshold:
                return self._ids[number], overlap
        return None

    def add(self, row_id: str, sketch: Sketch) -> None:
        if not sketch.shingles:
            return
        number = len(self._ids)
        for band in array("Q", sketch.bands):
            found = self._in_band.get(band)
            if found is None:
                self._in_band[band] = number
            else:
                self._in_band[band] = (found, number) if isinstance(found, int) else (*found, number)
        self._file.seek(self._ends[-1])
        self._file.write(sketch.shingles)
        self._ids.append(row_id)
        self._ends.append(self._ends[-1] + len(sketch.shingles))

    def _shingles(self, number: int) -> bytes:
        start, end = self._ends[number], self._ends[number + 1]
        self._file.seek(start)
        return self._file.read(end - start)


def jaccard(one: bytes, other: bytes, at_least: float = 0.0) -> float:
    """The overlap of two sets of hashes; 0 where their sizes alone say that it is less than asked for."""
    import numpy as np

    if min(len(one), len(other)) < at_least * max(len(one), len(other)) or not one or not other:
        return 0.0
    both = np.concatenate((np.frombuffer(one, np.uint32), np.frombuffer(other, np.uint32)))
    both.sort(kind="stable")
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / (len(both) - shared)


def sketched(text: str) -> Sketch:
    """Of folded text; of nothing there is nothing to compare."""
    if not text:
        return Sketch(b"", b"")
    shingles = shingle_hashes(text)
    return Sketch(shingles.tobytes(), _bands(minima(shingles)).tobytes())


def shingle_hashes(text: str) -> "Numbers":
    """A text shorter than a shingle is one."""
    import numpy as np

    letters = np.frombuffer(text.encode("utf-32-le", errors="replace"), np.uint32).astype(np.uint64)
    size = min(SHINGLE, len(letters))
    hashes = np.zeros(len(letters) - size + 1, np.uint64)
    base = np.uint64(_BASE)
    for at in range(size):
        hashes *= base
        hashes += letters[at : len(letters) - size + 1 + at]
    hashes ^= hashes >> np.uint64(32)
    hashes *= np.uint64(0xD6E8FEB86659FD93)
    return np.unique((hashes >> np.uint64(32)).astype(np.uint32))


def minima(shingles: "Numbers") -> "Numbers":
    """datasketch's MinHash of these hashes: each mixed once, then multiplied and shifted 120 ways in 32 bits, the least of each kept."""
    import numpy as np

    mixed = shingles ^ shingles >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    factors, terms = _permutations()
    least = np.full(MINIMA, 0xFFFFFFFF, np.uint32)
    for at in range(0, len(mixed), _AT_ONCE):
        permuted = factors[:, None] * mixed[None, at : at + _AT_ONCE]
        permuted += terms[:, None]
        np.minimum(least, permuted.min(axis=1), out=least)
    return least


@cache
def _permutations() -> tuple["Numbers", "Numbers"]:
    """Odd factors make each a bijection of the 32-bit numbers. Drawn as datasketch's `affine32` draws them."""
    import numpy as np

    draw = np.random.RandomState(_SEED).randint
    factors = draw(0, 1 << 31, MINIMA, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, draw(0, 1 << 32, MINIMA, dtype=np.uint32)


def _bands(least: "Numbers") -> "Numbers":
    """A number for each band that other bands' numbers do not meet."""
    import numpy as np

    numbers = np.arange(1, BANDS + 1, dtype=np.uint64)
    for column in least.reshape(BANDS, BAND).T.astype(np.uint64):
        numbers = (numbers ^ column) * np.uint64(_BASE)
        numbers ^= numbers >> np.uint64(29)
    return numbers


def _sketched(rows: Iterable[Row], workers: int) -> Iterator[tuple[Row, Sketch]]:
    if not workers:
        yield from ((row, sketched(folded_row(row))) for row in rows)
        return
    with processes(workers) as pool:
        ahead: deque[tuple[list[Row], Future[list[Sketch]]]] = deque()
        source = iter(rows)
        while chunk := list(islice(source, _CHUNK)):
            ahead.append((chunk, pool.submit(_sketch_all, [folded_row(row) for row in chunk])))
            if len(ahead) > 2 * workers:
                yield from _first(ahead)
        while ahead:
            yield from _first(ahead)


def _first(ahead: deque[tuple[list[Row], Future[list[Sketch]]]]) -> Iterator[tuple[Row, Sketch]]:
    chunk, sketches = ahead.popleft()
    yield from zip(chunk, sketches.result(), strict=True)


def _sketch_all(texts: Sequence[str]) -> list[Sketch]:
    return [sketched(text) for text in texts]
