"""The one step that waits for others and costs money: rows translated chunk by chunk, in their order.

What was paid for lies in the translator's own cache, so a chunk that was cut short is not paid for again.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from data.builder.stage import Counts, Stage, counts_of, rows_of, write_chunk
from data.builder.track import Bench, Passed, Track
from data.filters.english import letters_of
from data.row import Rejection, Row

_LOOK_SECONDS = 0.5
STEP = "translate"


class Translation(Protocol):
    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that the texts depend on: who translates, with which glossary and options."""
        ...

    @property
    def note(self) -> str:
        """How it is, for whoever looks on."""
        ...

    def __call__(self, rows: Iterator[Row]) -> AsyncIterator[Row | Rejection]:
        """One result for each row, in the order of the rows."""
        ...


def needs_translation(track: Track) -> bool:
    return track.source.language != "ko"


def translated(track: Track, translation: Translation, bench: Bench) -> Track:
    before = track.last
    stage = bench.workshop.stage(STEP, translation.settings, [before.stage.key])
    counts = stage.done
    if counts is None:
        came = bench.came(STEP, track.source.name, before.counts.kept, lambda: translation.note)
        counts = asyncio.run(_translated(before.stage, stage, translation, came))
        stage.finish(counts)
    return track.and_then(Passed(STEP, stage, counts))


async def _translated(before: Stage, after: Stage, translation: Translation, came: Callable[[Counts], None]) -> Counts:
    chunks = before.chunks()
    missing = [number for number in range(len(chunks)) if not after.has(number)]
    whole = sum((counts_of(after.chunk(number)) for number in range(len(chunks)) if after.has(number)), Counts())
    came(whole)
    results = translation(row for number in missing for row in rows_of(chunks[number]) if not is_korean(row))
    async with aclosing(_watched(results, lambda: came(whole))) as watched:
        for number in missing:
            rows = rows_of(chunks[number])
            whole += write_chunk(after.chunk(number), [row if is_korean(row) else await anext(watched) for row in rows])
            came(whole)
    return whole


def is_korean(row: Row) -> bool:
    """A row in many-tongued sources that needs no translation: most of its letters are Hangul."""
    letters = letters_of("\n".join(row.texts))
    return letters.hangul > letters.latin


async def _watched(
    results: AsyncIterator[Row | Rejection], look: Callable[[], None]
) -> AsyncGenerator[Row | Rejection, None]:
    """The same, and while one is waited for somebody looks whether to stop."""
    while True:
        step = asyncio.ensure_future(_next(results))
        try:
            while not (await asyncio.wait({step}, timeout=_LOOK_SECONDS))[0]:
                look()
        finally:
            if not step.done():
                step.cancel()
                await asyncio.wait({step})
        result = step.result()
        if result is None:
            return
        yield result


async def _next(results: AsyncIterator[Row | Rejection]) -> Row | Rejection | None:
    return await anext(results, None)
