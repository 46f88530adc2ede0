"""The rows of a source, each with the place where it stood; what became none is a `Fault` with its place, and the rest goes on.

Nothing is held but the object that is read, so a source may be larger than the memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data.row import Row, new_row
from data.sources import own
from data.sources.catalogue import BY_COLUMNS, Source
from data.sources.fetch import fetch
from data.sources.files import place_of, rows_of_file
from data.sources.form import Flaw, Form, Unfit, flaw_of
from data.sources.forms import FORMS, any_columns
from data.sources.raw import BadLine
from kullm_tui.core.hub.transfer import Progress
from kullm_tui.core.language import say


@dataclass(frozen=True)
class Fault:
    """Something of a source that is no row, or lost a part. The reason is counted; the detail is for a person."""

    source: str
    place: str
    reason: str
    detail: str


_OWN: Mapping[str, Callable[[], Iterator[own.Placed]]] = {
    "demo": partial(own.examples, "kullm"),
    "demo-koalpaca": partial(own.examples, "koalpaca"),
    "demo-kovicuna": partial(own.examples, "kovicuna"),
    "conversations": own.conversations,
    "corrections": own.corrections,
    "kept": own.kept,
}


def read(
    source: Source, files: Sequence[Path] | None = None, *, progress: Progress | None = None
) -> Iterator[Row | Fault]:
    """Out of these files of its form; without any, out of what is fetched first, where it is not here already."""
    return map(partial(_row, source.name), _placed(source, files, progress))


def _placed(source: Source, files: Sequence[Path] | None, progress: Progress | None) -> Iterator[own.Placed]:
    if source.own and files is None:
        yield from _OWN[source.own]()
        return
    for path in fetch(source, progress=progress).files if files is None else files:
        yield from _of_file(form_of(source), path)


def form_of(source: Source) -> Form:
    if source.form == BY_COLUMNS:
        return Form(BY_COLUMNS, partial(any_columns.read, columns=source.columns))
    return FORMS[source.form]


def _of_file(form: Form, path: Path) -> Iterator[own.Placed]:
    is_empty = True
    for raw in rows_of_file(path, form.layout):
        is_empty = False
        place = place_of(path.name, raw)
        if isinstance(raw, BadLine):
            yield place, Flaw(raw.reason, raw.fault)
        else:
            yield from _of_object(form, raw.fields, place)
    if is_empty:
        yield path.name, Flaw("empty-file", say("파일에 행이 없어요", "the file holds no rows"))


def _of_object(form: Form, fields: Mapping[str, object], place: str) -> Iterator[own.Placed]:
    rows = 0
    try:
        for piece in form.read(fields):
            rows += not isinstance(piece, Flaw)
            yield (place if rows < 2 or isinstance(piece, Flaw) else f"{place}.{rows}"), piece
    except Unfit as unfit:
        yield place, unfit.flaw


def _row(source: str, placed: own.Placed) -> Row | Fault:
    place, piece = placed
    flaw = piece if isinstance(piece, Flaw) else flaw_of(piece)
    if flaw:
        return Fault(source, place, flaw.reason, flaw.detail)
    assert not isinstance(piece, Flaw)
    return new_row(source, place, piece)
