"""A build from a mixture's name to its files, as `kullm data build` and the data mode both have it made."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from data.builder.progress import Watch
from data.builder.run import About, Built, Course, finished, prepared, published, to_translate
from data.builder.track import Bench, Passed, SourceRows, Track
from data.builder.translating import needs_translation
from data.builder.workers import workers
from data.builder.workshop import own_workshop
from data.clean import Clean
from data.decontaminate import Decontaminate, held_out_texts
from data.filters.paper import PaperFilter
from data.filters.strict import StrictFilter
from data.manifest import Mixture, SourceChoice, Steps, load_mixture, mixture_file
from data.near_duplicates import NearDuplicates
from data.never import marked_never
from data.output.card import CardSource
from data.patches import patch_file, read_patch
from data.priced import Price, Translating, price_of_rows
from data.processes import cores
from data.row import Rejection, Row
from data.shelf import built_folder
from data.sources.catalogue import Source, file_source, source_named, sources
from data.sources.fetch import fetch
from data.sources.read import Fault, read
from data.step import RowStep
from kullm_tui.core.errors import ConfigError, ConsentNeeded
from kullm_tui.core.extras import require_data
from kullm_tui.core.language import say

Agree = Callable[[Price], bool]
Questions = Callable[[str], list[tuple[str, str]]]  # a set's name → instruction and input of each


def make(
    name: str,
    *,
    questions: Questions,
    agree: Agree,
    watch: Watch,
    folder: Path | None = None,
    budget: float | None = None,
) -> Built:
    """KullmError says what went wrong; what was done by then is kept and not done again.

    `agree` is asked before anything is sent that costs, and nothing is sent beyond the budget.
    """
    mixture = load_mixture(name)
    workshop = own_workshop()
    with workshop.alone(), workers() as team:
        bench = Bench(workshop, team, watch)
        course = course_of(mixture, questions)
        tracks = prepared(course, bench)
        translation = _agreed(mixture, tracks, agree, budget)
        completed = finished(course, tracks, translation, bench)
        return published(
            course, completed, _about(mixture, name, translation), folder or built_folder(mixture.name), bench
        )


def _agreed(mixture: Mixture, tracks: Sequence[Track], agree: Agree, budget: float | None) -> Translating | None:
    """None where nothing is to be translated. ConsentNeeded where somebody does not agree."""
    if not any(map(needs_translation, tracks)):
        return None
    price = price_of_rows(to_translate(tracks), mixture.translation)
    if not price.is_free and not agree(price):
        raise ConsentNeeded(say("아무것도 보내지 않았어요.", "nothing was sent."))
    return Translating(mixture.translation, budget=budget)


def price_of(name: str, *, questions: Questions, watch: Watch) -> Price:
    """Of a mixture's translation. What costs nothing is done for it, and kept for the build."""
    mixture = load_mixture(name)
    workshop = own_workshop()
    with workshop.alone(), workers() as team:
        tracks = prepared(course_of(mixture, questions), Bench(workshop, team, watch))
        return price_of_rows(to_translate(tracks), mixture.translation)


def look_through(
    file: Path, *, language: str, form: str, held_out: tuple[str, ...], questions: Questions, watch: Watch
) -> list[Passed]:
    """What a build would do with the file, step by step; nothing is sent anywhere and nothing is published."""
    choice = SourceChoice(name="file", file=str(file), form=form, language=language)  # type: ignore[arg-type]
    mixture = Mixture(name="check", sources=(choice,), steps=Steps(decontaminate=held_out))
    workshop = own_workshop()
    with workshop.alone(), workers() as team:
        bench = Bench(workshop, team, watch)
        course = course_of(mixture, questions)
        tracks = prepared(course, bench)
        if language != "ko":  # what comes after a translation says nothing about what is not translated
            return list(tracks[0].passed)
        completed = finished(course, tracks, None, bench)
        return [*completed.tracks[0].passed, *([completed.over_all] if completed.over_all else [])]


def course_of(mixture: Mixture, questions: Questions) -> Course:
    """Its sources, and the questions that must not be among them, are fetched where they are not here."""
    require_data()
    steps = mixture.steps
    before: list[RowStep] = [Clean()] if steps.clean else []
    if steps.decontaminate:
        before.append(Decontaminate(held_out_texts(pair for name in steps.decontaminate for pair in questions(name))))
    after: list[RowStep] = [read_patch(patch_file(mixture.name))]
    after += [PaperFilter()] if steps.paper else []
    after += [StrictFilter()] if steps.strict else []
    over_all = NearDuplicates(steps.duplicates, workers=cores()) if steps.duplicates else None
    return Course(mixture, [_rows(choice) for choice in mixture.sources], before, after, over_all)


def source_of(choice: SourceChoice) -> Source:
    """Of the catalogue, or a file of the user's in a form of the catalogue's."""
    if not choice.file:
        return source_named(choice.name)
    if choice.name in sources() and not (choice.form or choice.columns):
        return replace(sources()[choice.name], repository="", url="", own="", files=(choice.file,))
    more = {"form": choice.form} if choice.form else {}
    source = file_source(Path(choice.file), columns=choice.columns, **more)
    return replace(source, name=choice.name)


def rows_in(source: Source, files: Sequence[Path]) -> Iterator[Row | Rejection]:
    """What is no row is rejected at its place, and so is what the user marked as not for training. What the app holds itself is in no file."""
    never = marked_never()
    for one in read(source, None if source.own else files):
        if not isinstance(one, Row):
            yield _unread(one)
        elif never.is_in(one.texts):
            yield _never(one)
        else:
            yield one


def _rows(choice: SourceChoice) -> SourceRows:
    source = source_of(choice)
    languages = (choice.language,) if choice.language else source.languages
    if not languages:
        raise ConfigError(
            say(
                f'{choice.name}: 어떤 언어인지 적어 주세요(language = "ko"나 "en").',
                f'{choice.name}: say which language it is in (language = "ko" or "en").',
            )
        )
    files = fetch(source).files
    settings = {
        "name": choice.name,
        "form": source.form,
        "columns": dict(source.columns),
        "files": [_sha256(path) for path in files] or _own_digest(source),
    }
    if never := marked_never():
        settings["never"] = never.digest
    language = "ko" if languages == ("ko",) else "en"
    return SourceRows(choice.name, language, settings, lambda: rows_in(source, files), choice.rows)


def _unread(fault: Fault) -> Rejection:
    return Rejection(Row(f"{fault.source}@{fault.place}", fault.source, fault.place, ()), fault.reason, fault.detail)


def _never(row: Row) -> Rejection:
    """Without its words: those are to be in no file that a build writes."""
    told = say("학습 제외로 표시한 답이 들어 있어요", "it holds a reply that is not for training")
    return Rejection(Row(row.id, row.source, row.place, ()), "never", told)


def _own_digest(source: Source) -> list[str]:
    """Of what the app holds: its rows are what it is known by."""
    digest = hashlib.sha256()
    for one in read(source):
        digest.update((one.id if isinstance(one, Row) else f"{one.place}\0{one.reason}").encode())
    return [digest.hexdigest()]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _about(mixture: Mixture, name: str, translation: Translating | None) -> About:
    cards = [_card(source_of(choice), choice) for choice in mixture.sources]
    return About(
        "other", cards, translation.name if translation else "", mixture_file(name).read_text(encoding="utf-8-sig")
    )


def _card(source: Source, choice: SourceChoice) -> CardSource:
    terms = f"상업 이용: {_COMMERCIAL[source.commercial]}, 공개: {_SHARING[source.sharing]}"
    revision = source.revision[:12] or (source.sha256[:12] if source.sha256 else "")
    return CardSource(choice.name, source.title, source.address, revision, source.licence or "-", terms)


# The card speaks Korean wherever it is made, so that its bytes are the same.
_COMMERCIAL: Mapping[str, str] = {"yes": "가능", "no": "안 됨", "unclear": "불분명"}
_SHARING: Mapping[str, str] = {
    "free": "가능",
    "share-alike": "같은 라이선스로",
    "non-commercial": "비상업으로만",
    "no": "안 됨",
    "unclear": "불분명",
}
