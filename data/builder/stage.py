"""What one step has made of rows, on disk: chunks of lines, each published whole, and at the end `done.json`.

    KEY/  00000.jsonl  00001.jsonl …  done.json

A line is a row, or {"rejected": reason, "detail": …, "row": …}: where a row went stands where it stood. The key is of everything
that the rows depend on, so a stage that is there is right, and one that was cut short goes on behind its last chunk.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.lines import line_of, told_in
from data.row import Rejection, Row, as_json, of_json
from kullm_tui.core import foreign_json
from kullm_tui.core.files import publish_bytes

CHUNK_ROWS = 1_000
_REJECTED = b'{"rejected"'
_FILE_MODE = 0o600


@dataclass(frozen=True)
class Counts:
    kept: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)  # by reason

    @property
    def seen(self) -> int:
        return self.kept + self.lost

    @property
    def lost(self) -> int:
        return sum(self.rejected.values())

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.kept + other.kept, dict(Counter(self.rejected) + Counter(other.rejected)))


def stage_key(step: str, settings: Mapping[str, Any], before: Iterable[str]) -> str:
    """Of a step with its settings over the results of others."""
    told = json.dumps([step, settings, list(before)], sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Stage:
    folder: Path

    @property
    def key(self) -> str:
        return self.folder.name

    def chunk(self, number: int) -> Path:
        return self.folder / f"{number:05d}.jsonl"

    def has(self, number: int) -> bool:
        return self.chunk(number).is_file()

    def chunks(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.jsonl"))

    def finish(self, counts: Counts, facts: Mapping[str, Any] | None = None) -> None:
        done = {"chunks": len(self.chunks()), "kept": counts.kept, "rejected": dict(sorted(counts.rejected.items()))}
        text = json.dumps(done | {"facts": facts or {}}, ensure_ascii=False)
        publish_bytes(self.folder / "done.json", text.encode(), mode=_FILE_MODE)

    @property
    def done(self) -> Counts | None:
        """None while it is not whole."""
        told = foreign_json.fields(self.folder / "done.json")
        if told.get("chunks") != len(self.chunks()):
            return None
        return Counts(told["kept"], told["rejected"])

    @property
    def facts(self) -> dict[str, Any]:
        """What a step had to say of itself beside the counts."""
        return dict(foreign_json.fields(self.folder / "done.json").get("facts", {}))

    def rows(self) -> Iterator[Row]:
        for chunk in self.chunks():
            yield from rows_of(chunk)

    def rejections(self) -> Iterator[Rejection]:
        for chunk in self.chunks():
            with chunk.open("rb") as lines:
                yield from (_rejection(line) for line in lines if line.startswith(_REJECTED))


def rows_of(chunk: Path) -> Iterator[Row]:
    with chunk.open("rb") as lines:
        yield from (of_json(told_in(line)) for line in lines if not line.startswith(_REJECTED))


def write_chunk(chunk: Path, results: Iterable[Row | Rejection]) -> Counts:
    kept, rejected, lines = 0, Counter[str](), []
    for result in results:
        lines.append(_line(result))
        if isinstance(result, Row):
            kept += 1
        else:
            rejected[result.reason] += 1
    publish_bytes(chunk, b"".join(lines), mode=_FILE_MODE)
    return Counts(kept, dict(rejected))


def counts_of(chunk: Path) -> Counts:
    """Of one that was written earlier."""
    kept, rejected = 0, Counter[str]()
    with chunk.open("rb") as lines:
        for line in lines:
            if line.startswith(_REJECTED):
                rejected[told_in(line)["rejected"]] += 1
            else:
                kept += 1
    return Counts(kept, dict(rejected))


def _line(result: Row | Rejection) -> bytes:
    if isinstance(result, Row):
        told: dict[str, Any] = as_json(result)
    else:
        told = {"rejected": result.reason, "detail": result.detail, "row": as_json(result.row)}
    return line_of(told)


def _rejection(line: bytes) -> Rejection:
    told = told_in(line)
    return Rejection(of_json(told["row"]), told["rejected"], told["detail"])
