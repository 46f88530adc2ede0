"""A small build of real parts: rows that are made here, steps that can be followed with the eye, worker processes, files."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.builder.progress import Watch
from data.builder.run import About, Built, Course, finished, prepared, published
from data.builder.track import Bench, SourceRows
from data.builder.workers import workers
from data.builder.workshop import Workshop
from data.manifest import mixture_in
from data.row import Rejection, Row, new_row
from kullm_tui.core.records import Message

MANIFEST = 'summary = "시험"\n[[sources]]\nname = "numbers"\n[[sources]]\nname = "english"\n'


def numbered(source: str, rows: Sequence[int]) -> Iterator[Row | Rejection]:
    for place, number in enumerate(rows, start=1):
        asked = Message("user", f"{number} 다음의 수는 무엇인가요?")
        yield new_row(source, f"{source}.jsonl:{place}", [asked, Message("assistant", f"{number + 1}입니다.")])


@dataclass(frozen=True)
class NoSevens:
    """Rejects every row with a seven, so slowly as it is told to."""

    pause: float = 0.0
    name: str = "no-sevens"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, row: Row) -> Row | Rejection:
        time.sleep(self.pause)
        return Rejection(row, "seven", "7이 있어요") if "7" in row.messages[0].content else row


@dataclass(frozen=True)
class Polite:
    name: str = "polite"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"mark": "감사합니다."})

    def __call__(self, row: Row) -> Row:
        asked, answered = row.messages
        return replace(
            row, messages=(asked, Message("assistant", f"{answered.content} 감사합니다.")), original=row.messages
        )


@dataclass(frozen=True)
class OncePerAnswer:
    name: str = "once"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row | Rejection]:
        seen: set[str] = set()
        for row in rows:
            answer = row.messages[1].content
            yield Rejection(row, "again") if answer in seen else row
            seen.add(answer)


def course(rows: int = 2_500, *, pause: float = 0.0, manifest: str = MANIFEST) -> Course:
    def source(name: str, numbers: Sequence[int]) -> SourceRows:
        return SourceRows(name, "ko", {"name": name, "rows": len(numbers)}, lambda: numbered(name, numbers))

    sources = [source("numbers", range(rows)), source("english", range(rows // 2, rows + rows // 2))]
    return Course(mixture_in(manifest, "시험.toml"), sources, [NoSevens(pause)], [Polite()], OncePerAnswer())


def build(wanted: Course, folder: Path, *, watch: Watch | None = None) -> Built:
    workshop = Workshop(folder / "work")
    with workshop.alone(), workers(2) as team:
        bench = Bench(workshop, team, watch or Watch())
        completed = finished(wanted, prepared(wanted, bench), None, bench)
        return published(wanted, completed, About("cc-by-nc-4.0", [], "", MANIFEST), folder / "out", bench)
