"""A finished set as files: JSON lines, Parquet, and beside them where each row came from.

NAME.jsonl  NAME.parquet            what a model is trained on, kullm-v2's columns or conversations, and the source
NAME.validation.jsonl  .parquet     the held-out rows, where the mixture holds any out
NAME.origins.jsonl                  in the same order: id, source, the place that it stood in, and what was translated
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from data.lines import line_of, told_lines
from data.row import Row
from kullm_tui.core.files import sync_folder, told_in_words

_BATCH_ROWS = 2_000
_COLUMNS = ("id", "instruction", "input", "output", "conversations", "source")
_SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system"}


@dataclass(frozen=True)
class Written:
    path: Path
    rows: int
    sha256: str


def record_of(row: Row) -> dict[str, Any]:
    """As the trainer reads it, and everybody else."""
    if row.is_pair:
        asked, answered = row.messages
        texts = {"instruction": asked.content, "input": asked.input, "output": answered.content}
        return {"id": row.id, **texts, "source": row.source}
    turns = [
        {"from": _SHAREGPT[one.role], "value": "\n\n".join(filter(None, (one.content, one.input)))}
        for one in row.messages
    ]
    return {"id": row.id, "conversations": turns, "source": row.source}


def origin_of(row: Row) -> dict[str, Any]:
    original = [{"role": one.role, "content": one.content, "input": one.input} for one in row.original]
    return {"id": row.id, "source": row.source, "place": row.place, "original": original}


def write(name: str, rows: Iterable[Row], folder: Path) -> list[Written]:
    """Every file of it, each published whole."""
    lines, table, origins = (folder / f"{name}{kind}" for kind in (".jsonl", ".parquet", ".origins.jsonl"))
    columns: dict[str, None] = {}
    count = 0
    with _draft(lines) as draft, _draft(origins) as origins_draft:
        for row in rows:
            record = record_of(row)
            columns |= dict.fromkeys(record)
            draft.write(line_of(record))
            origins_draft.write(line_of(origin_of(row)))
            count += 1
    _write_table(table, lines, [name for name in _COLUMNS if name in columns])
    sync_folder(folder)
    return [Written(path, count, _sha256(path)) for path in (lines, table, origins)]


def _write_table(path: Path, lines: Path, columns: Sequence[str]) -> None:
    import pyarrow
    from pyarrow import parquet

    turn = pyarrow.struct([("from", pyarrow.string()), ("value", pyarrow.string())])
    types = dict.fromkeys(_COLUMNS, pyarrow.string()) | {"conversations": pyarrow.list_(turn)}
    schema = pyarrow.schema([(name, types[name]) for name in columns])
    records = told_lines(lines)
    with _draft(path) as draft, parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
        while batch := list(islice(records, _BATCH_ROWS)):
            writer.write_batch(pyarrow.RecordBatch.from_pylist(batch, schema=schema))


@contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    """A file beside its place, renamed once it is whole."""
    draft = path.with_name(f".{path.name}.draft")
    with told_in_words(path):
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
