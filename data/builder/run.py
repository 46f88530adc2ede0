"""A whole build, from sources to files. What costs nothing comes first, so that the price is known before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.builder.progress import Progress
from data.builder.stage import CHUNK_ROWS, Counts, Stage
from data.builder.track import Bench, Passed, SourceRows, Track, all_through, read, through
from data.builder.translating import Translation, is_korean, needs_translation, translated
from data.manifest import Mixture
from data.output.card import Card, CardOutput, CardSource, CardStep, card_text, facts_text
from data.output.files import write
from data.output.order import in_order, share_of
from data.output.statistics import statistics_of
from data.row import Row
from data.step import RowStep, SetStep
from kullm_tui.core.files import clear_drafts, publish
from kullm_tui.core.paths import private_dir


@dataclass(frozen=True)
class Course:
    """A mixture's steps, ready to be taken."""

    mixture: Mixture
    sources: Sequence[SourceRows]
    before: Sequence[RowStep]  # the translation
    after: Sequence[RowStep]
    over_all: SetStep | None


@dataclass(frozen=True)
class Completed:
    """What every step did, once all are taken."""

    tracks: Sequence[Track]
    over_all: Passed | None = None

    @property
    def stages(self) -> list[Stage]:
        """Where the rows that are left lie."""
        return [self.over_all.stage] if self.over_all else [track.last.stage for track in self.tracks]

    @property
    def steps(self) -> list[CardStep]:
        alone = [_card_step(track.source.name, one) for track in self.tracks for one in track.passed]
        return alone + ([_card_step("", self.over_all)] if self.over_all else [])


@dataclass(frozen=True)
class About:
    """What the card says beside the counts."""

    licence: str
    sources: Sequence[CardSource]
    translator: str
    manifest: str


@dataclass(frozen=True)
class Built:
    folder: Path
    completed: Completed
    outputs: Sequence[CardOutput]


def _card_step(source: str, passed: Passed) -> CardStep:
    return CardStep(source, passed.step, passed.counts, passed.stage.key)


def prepared(course: Course, bench: Bench) -> list[Track]:
    """Everything that is done before a text is sent anywhere."""
    tracks = [read(source, bench) for source in course.sources]
    for step in course.before:
        tracks = [through(track, step, bench) for track in tracks]
    return tracks


def to_translate(tracks: Sequence[Track]) -> Iterator[Row]:
    rows = (row for track in tracks if needs_translation(track) for row in track.last.stage.rows())
    return (row for row in rows if not is_korean(row))


def finished(course: Course, tracks: Sequence[Track], translation: Translation | None, bench: Bench) -> Completed:
    """Without a translation the rows go on in the language that they are in."""
    done = [
        translated(track, translation, bench) if translation and needs_translation(track) else track for track in tracks
    ]
    for step in course.after:
        done = [through(track, step, bench) for track in done]
    return Completed(done, all_through(done, course.over_all, bench) if course.over_all else None)


def published(course: Course, completed: Completed, about: About, folder: Path, bench: Bench) -> Built:
    """Every output as files, and the card over them."""
    mixture = course.mixture
    private_dir(folder)
    wanted = mixture.outputs or {mixture.name: tuple(one.name for one in mixture.sources)}
    outputs = [_output(name, sources, course, completed, folder, bench) for name, sources in wanted.items()]
    card = Card(
        mixture.name,
        mixture.summary,
        about.licence,
        about.sources,
        completed.steps,
        outputs,
        about.translator,
        about.manifest,
    )
    told = {"README.md": card_text(card), "facts.json": facts_text(card), "mixture.toml": about.manifest}
    for name, text in told.items():
        clear_drafts(folder, name)
        publish(folder / name, text, mode=0o644)
    return Built(folder, completed, outputs)


def _output(
    name: str, sources: Sequence[str], course: Course, completed: Completed, folder: Path, bench: Bench
) -> CardOutput:
    seed, share = course.mixture.seed, course.mixture.held_out
    rows = _told(in_order(completed.stages, sources, seed), name, bench)
    if not share:
        files = write(name, rows, folder)
        return CardOutput(name, files, statistics_of(files[0].path))
    kept = (row for row in rows if share_of(row, seed) >= share)
    held = (row for row in in_order(completed.stages, sources, seed) if share_of(row, seed) < share)
    files = [*write(name, kept, folder), *write(f"{name}.validation", held, folder)]
    return CardOutput(name, files, statistics_of(files[0].path))


def _told(rows: Iterator[Row], name: str, bench: Bench) -> Iterator[Row]:
    for count, row in enumerate(rows, start=1):
        if count % CHUNK_ROWS == 0:
            bench.watch.check()
            bench.watch.told(Progress("write", name, Counts(count), None))
        yield row
