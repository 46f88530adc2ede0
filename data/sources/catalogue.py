"""The sources that are known by name: where each lies, in which form, how large it is, and what may be done with it.

A figure carries where it comes from. A licence is what the source says of itself; `commercial` and `sharing` are what follows for
whoever builds on it, the stricter reading where its parts disagree.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from data.sources.columns import column_names
from data.sources.forms import FORMS
from kullm_tui.core import paths, rules
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say

Commercial = Literal["yes", "no", "unclear"]
Sharing = Literal["free", "share-alike", "non-commercial", "no", "unclear"]
Provenance = Literal["", "card", "paper", "listing", "others", "estimate", "counted"]
Own = Literal["", "demo", "demo-koalpaca", "demo-kovicuna", "conversations", "corrections", "kept"]

BY_COLUMNS = "columns"  # the form of files that nothing but their columns is known of

_FILE = Path(__file__).with_name("catalogue.toml")
_REPOSITORY = r"[\w.-]+/[\w.-]+"
_PROVENANCE = rules.one_of("card", "paper", "listing", "others", "estimate", "counted")


@dataclass(frozen=True, kw_only=True)
class Source:
    name: str
    title: str
    title_english: str = ""
    repository: str = ""  # a data set of the hub, OWNER/NAME
    revision: str = ""  # a commit, or a branch whose commit is found when it is fetched
    files: tuple[
        str, ...
    ] = ()  # of the repository, by name or pattern; here, where there is neither repository nor url
    url: str = ""
    sha256: str = ""  # of the file at the url, where it is known
    own: Own = ""  # what comes along, or lies in the app's own file
    page: str = ""  # where a person reads about it
    form: str = BY_COLUMNS
    columns: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    licence: str = ""  # empty where it names none
    commercial: Commercial = "unclear"
    sharing: Sharing = "unclear"  # whether what is made of it may be handed on
    rows: int = 0
    rows_from: Provenance = ""
    rows_at_least: bool = False  # where "more than" is all that is said
    characters: int = 0
    characters_from: Provenance = ""
    bytes: int = 0
    bytes_from: Provenance = ""
    sampled: bool = False  # some of its rows were read where this was written; otherwise it could not be fetched there
    note: str = ""
    note_english: str = ""

    @property
    def shown_title(self) -> str:
        return say(self.title, self.title_english or self.title)

    @property
    def shown_note(self) -> str:
        return say(self.note, self.note_english or self.note)

    @property
    def address(self) -> str:
        """Where a person can look at it; empty for what is here."""
        return self.page or (f"https://huggingface.co/datasets/{self.repository}" if self.repository else self.url)

    @property
    def is_pinned(self) -> bool:
        """Whether the same bytes are read again wherever it is fetched anew."""
        return bool(re.fullmatch("[0-9a-f]{40}", self.revision) or self.sha256 or self.own.startswith("demo"))

    def as_json(self) -> dict[str, Any]:
        """What is known; the rest is left out."""
        return {key: value for key, value in asdict(self).items() if value not in ("", 0, (), {})} | {
            "licence": self.licence or None,
            "sampled": self.sampled,
            "pinned": self.is_pinned,
            "address": self.address or None,
        }


@functools.cache
def sources() -> Mapping[str, Source]:
    faults: list[str] = []
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    found = {name: source_from(name, table, faults) for name, table in tables.items()}
    assert not faults, faults
    return found


def source_named(name: str) -> Source:
    """One of the catalogue, or a file of the user's."""
    if name in sources():
        return sources()[name]
    path = paths.typed(name)
    if path.suffix or path.is_file():
        return file_source(path)
    near = rules.did_you_mean(name, sources())
    raise ConfigError(
        say(
            f"{name}: 그런 이름의 출처도 파일도 없어요.{near} `kullm data sources`가 이름을 보여 줘요.",
            f"{name} names neither a source nor a file.{near} `kullm data sources` lists the names.",
        )
    )


def file_source(path: Path, *, form: str = BY_COLUMNS, columns: Mapping[str, str] | None = None) -> Source:
    return Source(name=path.stem, title=path.name, files=(str(path),), form=form, columns=columns or {})


def source_from(name: str, table: Mapping[str, Any], faults: list[str]) -> Source:
    """Of a table of TOML, in the catalogue or in a mixture; every fault is added to the list."""
    values = rules.checked(table, _RULES, f"{name}.", faults)
    places = [key for key in ("repository", "url", "own") if values.get(key)]
    if len(places) > 1:
        faults.append(f"{name}: {say('하나만 적어 주세요', 'name only one')}: {', '.join(places)}")
    if values.get("repository") and not values.get("files"):
        faults.append(f"{name}.files: {say('읽을 파일을 적어 주세요', 'name the files to read')}")
    for list_like in ("files", "languages"):
        values[list_like] = tuple(values.get(list_like, ()))
    return Source(name=name, **{"title": name, **values})


_COUNT = rules.whole(0, 10**15)
_RULES: Mapping[str, rules.Rule] = {
    "title": rules.text,
    "title_english": rules.text,
    "repository": rules.matching(_REPOSITORY, "소유자/이름이어야 해요", "must be OWNER/NAME"),
    "revision": rules.text,
    "files": rules.texts,
    "url": rules.web_address,
    "sha256": rules.matching("[0-9a-f]{64}", "sha256이어야 해요", "must be a sha256"),
    "own": rules.one_of(*filter(None, get_args(Own))),
    "page": rules.web_address,
    "form": rules.one_of(*FORMS, BY_COLUMNS),
    "columns": column_names,
    "languages": rules.texts,
    "licence": rules.text,
    "commercial": rules.one_of("yes", "no", "unclear"),
    "sharing": rules.one_of("free", "share-alike", "non-commercial", "no", "unclear"),
    "rows": _COUNT,
    "rows_from": _PROVENANCE,
    "rows_at_least": rules.truth,
    "characters": _COUNT,
    "characters_from": _PROVENANCE,
    "bytes": _COUNT,
    "bytes_from": _PROVENANCE,
    "sampled": rules.truth,
    "note": rules.text,
    "note_english": rules.text,
}
