"""One source on its way through the steps, each result under the key of everything it depends on, so that what is there is never done again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any

from data.builder.progress import Progress, Watch
from data.builder.reading import each_once
from data.builder.stage import CHUNK_ROWS, Counts, Stage, write_chunk
from data.builder.workers import Workers
from data.builder.workshop import Workshop
from data.row import Rejection, Row
from data.step import RowStep, SetStep
from kullm_tui.core.files import told_in_words


@dataclass(frozen=True)
class SourceRows:
    """What a source gives: the same rows wherever the settings are the same."""

    name: str
    language: str
    settings: Mapping[str, Any]
    rows: Callable[[], Iterator[Row | Rejection]]
    most: int = 0  # the first so many; 0: all


@dataclass(frozen=True)
class Passed:
    """What a step made of the rows that it saw."""

    step: str
    stage: Stage
    counts: Counts


@dataclass(frozen=True)
class Track:
    source: SourceRows
    passed: tuple[Passed, ...]

    @property
    def last(self) -> Passed:
        return self.passed[-1]

    def and_then(self, passed: Passed) -> "Track":
        return replace(self, passed=(*self.passed, passed))


@dataclass(frozen=True)
class Bench:
    """Where the work is done, by whom, and who looks on."""

    workshop: Workshop
    workers: Workers
    watch: Watch

    def came(self, step: str, source: str, of: int | None, note: Callable[[], str] = str) -> Callable[[Counts], None]:
        def told(counts: Counts) -> None:
            self.watch.check()
            self.watch.told(Progress(step, source, counts, of, note()))

        return told


def read(source: SourceRows, bench: Bench) -> Track:
    stage = bench.workshop.stage("read", {**source.settings, "most": source.most}, [])
    counts = stage.done
    if counts is None:
        rows = each_once(source.rows(), source.most)
        counts = written(rows, stage, bench.came("read", source.name, None))
        stage.finish(counts)
    return Track(source, (Passed("read", stage, counts),))


def through(track: Track, step: RowStep, bench: Bench) -> Track:
    before = track.last
    stage = bench.workshop.stage(step.name, step.settings, [before.stage.key])
    counts = stage.done
    if counts is None:
        came = bench.came(step.name, track.source.name, before.counts.kept)
        counts = bench.workers.apply(step, before.stage, stage, came=came)
        stage.finish(counts)
    return track.and_then(Passed(step.name, stage, counts))


def all_through(tracks: Sequence[Track], step: SetStep, bench: Bench) -> Passed:
    """Over the rows of all, in their order."""
    stage = bench.workshop.stage(step.name, step.settings, [track.last.stage.key for track in tracks])
    counts = stage.done
    if counts is None:
        came = bench.came(step.name, "", sum(track.last.counts.kept for track in tracks))
        rows = (row for track in tracks for row in track.last.stage.rows())
        with told_in_words(stage.folder):  # what the step remembers of rows may lie on a disk that is full
            counts = written(step(rows), stage, came)
        stage.finish(counts)
    return Passed(step.name, stage, counts)


def written(results: Iterable[Row | Rejection], stage: Stage, came: Callable[[Counts], None]) -> Counts:
    """From the first chunk on: what remembers all rows before cannot begin in their midst."""
    whole = Counts()
    remaining = iter(results)
    for number in count():
        chunk = list(islice(remaining, CHUNK_ROWS))
        if not chunk:
            break
        whole += write_chunk(stage.chunk(number), chunk)
        came(whole)
    return whole
