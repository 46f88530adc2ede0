"""A build from a mixture's name to its files, as `kullm data build` and the data mode both have it made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.builder.progress import Watch
from data.builder.run import About, Built, Course, finished, prepared, published
from data.builder.track import Bench, SourceRows
from data.builder.translating import Translation
from data.builder.workers import workers
from data.builder.workshop import own_workshop
from data.manifest import Mixture, SourceChoice, load_mixture, mixture_file
from data.patches import patch_file, read_patch
from data.row import Rejection, Row, new_row
from data.shelf import built_folder
from data.step import RowStep
from kullm_tui.core.records import read_record


@dataclass(frozen=True)
class Price:
    """What a translation would cost, in words for whoever is asked."""

    question: str
    consequence: str
    more: str


Agree = Callable[[Price], bool]


def make(name: str, *, agree: Agree, watch: Watch, folder: Path | None = None) -> Built:
    """KullmError says what went wrong; what was done by then is kept and not done again."""
    mixture = load_mixture(name)
    workshop = own_workshop()
    with workshop.alone(), workers() as team:
        bench = Bench(workshop, team, watch)
        course = course_of(mixture)
        tracks = prepared(course, bench)
        translation: Translation | None = None
        passage = finished(course, tracks, translation, bench)
        about = About("other", [], "", mixture_file(name).read_text(encoding="utf-8-sig"))
        return published(course, passage, about, folder or built_folder(mixture.name), bench)


def course_of(mixture: Mixture) -> Course:
    sources = [_source(choice) for choice in mixture.sources]
    before: list[RowStep] = []
    after: list[RowStep] = [read_patch(patch_file(mixture.name))]
    return Course(mixture, sources, before, after, None)


def _source(choice: SourceChoice) -> SourceRows:
    from data.demo.corpus import records

    def rows() -> Iterator[Row | Rejection]:
        for record in records("kullm"):
            found = read_record(record)
            yield new_row("demo", record["id"], found.messages)

    return SourceRows(choice.name, "ko", {"demo": 1}, rows, choice.rows)
