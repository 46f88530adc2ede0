"""The blocks of an emitted pipeline: datatrove's documents in and out, our rows and steps between them.

    source's file → rows ─┬→ read/00000/…    a shard: the rows whose place in the finished order lies in its part of it
                          └→ read/00001/…    so that equal rows meet in one shard, and the shards in a row are in the mixture's order

A document's text is what its row says; the row itself travels in its metadata. Only an emitted script imports this: it needs datatrove.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.word_tokenizers import WhitespaceTokenizer

from data.builder.reading import each_once
from data.builder.translating import is_korean
from data.folded import folded
from data.lines import told_lines
from data.making import rows_in, source_of
from data.manifest import SourceChoice, Translation
from data.near_duplicates import shingle_hashes
from data.output.files import origin_of, record_of
from data.output.order import place_in_order, share_of
from data.priced import Translating
from data.row import Rejection, Row, as_json, of_json
from data.sources.fetch import fetch
from data.step import RowStep, SetStep
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say

_TOGETHER = 10_000  # rows that are translated in one go


@dataclass(frozen=True)
class Part:
    """What one task reads."""

    choice: SourceChoice
    files: tuple[Path, ...]


def parts_of(choices: Iterable[SourceChoice]) -> list[Part]:
    """Each file is a part. A source of which only the first rows are wanted is one, and so is what the app holds itself."""
    parts = []
    for choice in choices:
        files = fetch(source_of(choice)).files
        if choice.rows or not files:
            parts.append(Part(choice, files))
        else:
            parts += [Part(choice, (file,)) for file in files]
    return parts


def texts_in(path: Path) -> tuple[str, ...]:
    """One a line."""
    return tuple(told["text"] for told in told_lines(path))


class Rejected(JsonlWriter):  # type: ignore[misc]
    """Where the rows lie that a step left out, in the form of `kullm data rejected --json`."""

    def __init__(self, folder: Path, step: str) -> None:
        super().__init__(str(folder / step), "${rank}.jsonl", compression=None, adapter=_as_rejected)
        self.step = step

    def of(self, rejection: Rejection) -> Document:
        why = {"reason": rejection.reason, "detail": rejection.detail}
        return Document("", rejection.row.id, metadata={**why, "row": as_json(rejection.row)})


def _as_rejected(writer: Rejected, document: Document) -> dict[str, Any]:
    return {"step": writer.step, **document.metadata}


class ReadSource(PipelineStep):  # type: ignore[misc]
    """Each task reads its part from one end to the other, and tells every row its shard."""

    type, name = "📖 - READER", "kullm source"

    def __init__(self, parts: Sequence[Part], shards: int, seed: int, rejected: Rejected) -> None:
        super().__init__()
        self.parts, self.shards, self.seed, self.rejected = parts, shards, seed, rejected

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        assert not data
        assert world_size == len(self.parts)
        part = self.parts[rank]
        rows = rows_in(source_of(part.choice), part.files)
        with self.rejected as rejected:
            for number, one in enumerate(each_once(rows, part.choice.rows) if part.choice.rows else rows):
                if isinstance(one, Row):
                    self.stat_update("rows")
                    yield _document(one, {"shard": self._shard(one), "read": [rank, number]})
                else:
                    self.stat_update(f"dropped_{one.reason}")
                    rejected.write(rejected.of(one), rank)

    def _shard(self, row: Row) -> str:
        place = int.from_bytes(place_in_order(row.id, self.seed)[:8])
        return f"{place * self.shards >> 64:05d}"


class Shard(PipelineStep):  # type: ignore[misc]
    """The rows of the task's own shard, where an earlier stage left them; after another one, more of them."""

    type, name = "📖 - READER", "shard"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: Iterable[Document] | None = None, rank: int = 0, *_: int) -> Iterator[Document]:
        yield from data or ()
        shard = self.folder / f"{rank:05d}"
        if shard.is_dir():  # of a few rows there may be none for it
            yield from JsonlReader(str(shard), add_file_path=False).run()


class RowBlock(PipelineStep):  # type: ignore[misc]
    """Rows through what gives one result for each, in their order."""

    type = "🔻 - FILTER"

    def __init__(self, rejected: Rejected) -> None:
        super().__init__()
        self.rejected = rejected

    def results(self, rows: Iterator[Row]) -> Iterator[Row | Rejection]:
        raise NotImplementedError

    def run(self, data: Iterable[Document], rank: int = 0, *_: int) -> Iterator[Document]:
        under_way = deque[Document]()

        def rows() -> Iterator[Row]:
            for document in data:
                under_way.append(document)
                yield _row(document)

        with self.rejected as rejected:
            for one in self.results(rows()):
                document = under_way.popleft()
                if isinstance(one, Row):
                    self.stat_update("forwarded")
                    yield _document(one, document.metadata)
                else:
                    self.stat_update("dropped", f"dropped_{one.reason}")
                    rejected.write(rejected.of(one), rank)


class EachOnce(RowBlock):
    name = "each row once"

    def results(self, rows: Iterator[Row]) -> Iterator[Row | Rejection]:
        return each_once(rows, 0)


class Through(RowBlock):
    """A step of a build, over each row."""

    def __init__(self, step: RowStep, settings: Mapping[str, Any], rejected: Rejected) -> None:
        self.name = step.name
        super().__init__(rejected)
        _require_same(step, settings)
        self.step = step

    def results(self, rows: Iterator[Row]) -> Iterator[Row | Rejection]:
        return map(self.step, rows)


class Translate(RowBlock):
    """In one task: one pace, one cache in which what was paid for stays, one budget. Nothing is sent beyond it."""

    type, name = "🌐 - TRANSLATION", "translate"

    def __init__(self, choice: Translation, sources: Collection[str], most_dollars: float, rejected: Rejected) -> None:
        super().__init__(rejected)
        self.choice, self.sources, self.most_dollars = choice, sources, most_dollars

    def results(self, rows: Iterator[Row]) -> Iterator[Row | Rejection]:
        translating = Translating(self.choice, budget=self.most_dollars)
        while chunk := list(islice(rows, _TOGETHER)):
            results = iter(asyncio.run(_all(translating, filter(self._is_foreign, chunk))))
            yield from (next(results) if self._is_foreign(row) else row for row in chunk)

    def _is_foreign(self, row: Row) -> bool:
        return row.source in self.sources and not is_korean(row)


async def _all(translating: Translating, rows: Iterator[Row]) -> list[Row | Rejection]:
    async with aclosing(translating(rows)) as results:  # type: ignore[type-var]
        return [one async for one in results]


class LetterSignature(MinhashDedupSignature):  # type: ignore[misc]
    """datatrove's own, over the shingles of letters that a build compares instead of words: Korean words change their endings."""

    def __init__(self, folder: str, config: MinhashConfig) -> None:
        super().__init__(folder, config, language=WhitespaceTokenizer())  # not asked, but others ask for spaCy

    def get_shingles(self, text: str) -> Any:
        import numpy as np

        letters = folded(text)
        hashes = shingle_hashes(letters) if letters else np.empty(0, np.uint32)
        return hashes.astype(np.uint64).reshape(-1, 1)


class Candidates(PipelineStep):  # type: ignore[misc]
    """Tells every row whether datatrove found others that may say the same: it goes `alone/SHARD`, or to where all of these meet."""

    type, name = "🫂 - DEDUP", "candidates"

    def __init__(self, clusters: Path, shards: int) -> None:
        super().__init__()
        self.clusters, self.shards = clusters, shards

    def run(self, data: Iterable[Document], rank: int = 0, *_: int) -> Iterator[Document]:
        clusters = self._clusters(rank)
        for number, document in enumerate(data):
            cluster = clusters.get(number)
            self.stat_update("alone" if cluster is None else "met")
            shard = document.metadata["shard"]
            document.metadata["place"] = f"alone/{shard}" if cluster is None else f"met/{cluster % self.shards:05d}"
            yield document

    def _clusters(self, rank: int) -> dict[int, int]:
        """By the number of a row in its shard, as `MinhashDedupCluster` writes them: pairs of 32 bits."""
        file = self.clusters / f"{rank:06d}.clusters"
        content = file.read_bytes() if file.is_file() else b""
        return {int(row): int(cluster) for row, cluster in struct.iter_unpack("<2I", content)}


class Alike(RowBlock):
    """Candidates compared exactly, in the order in which they were read: the earliest stays, as in a build."""

    type, name = "🫂 - DEDUP", "alike"

    def __init__(self, step: SetStep, settings: Mapping[str, Any], rejected: Rejected) -> None:
        super().__init__(rejected)
        _require_same(step, settings)
        self.step = step

    def results(self, rows: Iterator[Row]) -> Iterator[Row | Rejection]:
        return self.step(rows)

    def run(self, data: Iterable[Document], rank: int = 0, *_: int) -> Iterator[Document]:
        yield from super().run(sorted(data, key=lambda one: one.metadata["read"]), rank)


class Outputs(PipelineStep):  # type: ignore[misc]
    """The shard in its order, once for each output that a row's source is in, the held-out rows under a name of their own."""

    type, name = "💽 - OUTPUTS", "outputs"

    def __init__(self, outputs: Mapping[str, Sequence[str]], seed: int, held_out: float) -> None:
        super().__init__()
        self.outputs, self.seed, self.held_out = outputs, seed, held_out

    def run(self, data: Iterable[Document], *_: int) -> Iterator[Document]:
        for document in sorted(data, key=lambda one: place_in_order(one.id, self.seed)):
            row = _row(document)
            is_held = share_of(row, self.seed) < self.held_out
            for output, sources in self.outputs.items():
                if row.source in sources:
                    document.metadata["output"] = f"{output}.validation" if is_held else output
                    yield document


def as_record(_: JsonlWriter, document: Document) -> dict[str, Any]:
    return record_of(_row(document))


def as_origin(_: JsonlWriter, document: Document) -> dict[str, Any]:
    return origin_of(_row(document))


def _document(row: Row, metadata: Mapping[str, Any]) -> Document:
    return Document("\n".join(row.texts), row.id, metadata={**metadata, "row": as_json(row)})


def _row(document: Document) -> Row:
    return of_json(document.metadata["row"])


def _require_same(step: RowStep | SetStep, settings: Mapping[str, Any]) -> None:
    """With other settings than it had when the script was made, a step would give other rows."""
    if step.settings != settings:
        raise ConfigError(
            say(
                f"{step.name} 단계가 이 파일을 만든 kullm과 달라요: {dict(step.settings)}. `kullm data emit`으로 다시 만드세요.",
                f"The step {step.name} is not what it was in the kullm that made this file: {dict(step.settings)}. "
                "Make it again with `kullm data emit`.",
            )
        )
