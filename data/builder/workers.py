"""Row steps over all cores: a worker reads a chunk, applies the step and publishes the next stage's chunk. Rows never travel between processes."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from data.builder.stage import Counts, Stage, counts_of, rows_of, write_chunk
from data.processes import cores, processes
from data.step import RowStep

_LOOK_SECONDS = 0.5
_AHEAD = 4  # chunks handed out for each worker, or a step over millions would be a queue of millions


class Workers:
    def __init__(self, pool: ProcessPoolExecutor, count: int) -> None:
        self._pool = pool
        self._most = count * _AHEAD

    def apply(self, step: RowStep, before: Stage, after: Stage, *, came: Callable[[Counts], None]) -> Counts:
        """Every chunk that is not there yet. `came` is told all counts so far, and may raise to stop."""
        chunks = before.chunks()
        missing = [number for number in range(len(chunks)) if not after.has(number)]
        whole = sum((counts_of(after.chunk(number)) for number in range(len(chunks)) if after.has(number)), Counts())
        came(whole)
        if len(missing) == 1:  # to begin a process takes longer than a chunk
            whole += _apply(step, chunks[missing[0]], after.chunk(missing[0]))
            came(whole)
            return whole
        waiting: set[Future[Counts]] = set()
        for number in missing:
            waiting.add(self._pool.submit(_apply, step, chunks[number], after.chunk(number)))
            while len(waiting) >= self._most:
                whole += _first(waiting)
                came(whole)
        while waiting:
            whole += _first(waiting)
            came(whole)
        return whole


@contextmanager
def workers(count: int | None = None) -> Iterator[Workers]:
    """As many as there are cores."""
    count = count or cores()
    with processes(count) as pool:
        yield Workers(pool, count)


def _first(waiting: set[Future[Counts]]) -> Counts:
    """Of those that are done when the first is, or of none after a moment, so that the caller may look around."""
    done, _ = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
    waiting -= done
    return sum((one.result() for one in done), Counts())


def _apply(step: RowStep, source: Path, target: Path) -> Counts:
    return write_chunk(target, (step(row) for row in rows_of(source)))
