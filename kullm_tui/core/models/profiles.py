"""Model profiles: what is known about each system, read strictly from TOML.

    profiles/decoding.toml     how each template's models are asked to generate
    profiles/*.toml            the systems that the product knows, one table each
    models.toml                the user's own, in the same form; a name used there hides the shipped one

A fact that nobody knows is left out of the file, and is None, 0 or empty here.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.models.profile_form import DECODING_RULES, NAME, OWN_TEMPLATE, PROFILE_RULES
from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.paths import user_profiles_file
from kullm_tui.core.rules import checked
from kullm_tui.core.templates.registry import TEMPLATES

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Kind = Literal["weights", "adapter", "endpoint"]
LicenceClass = Literal["commercial", "research"]

_SHIPPED = Path(__file__).with_name("profiles")
_PACKAGE = Path(__file__).parents[2]
_FILES = ("demo", "korean", "current", "multilingual", "endpoints", "surveyed")
_KOREAN = ("korean", "current")  # the files of models that were trained for Korean
_UNTAUGHT = "plain"  # the template of models that only continue a text
DEMO = "demo-kullm"  # answers where no other model was chosen
_FALLBACK = "other"  # the table of decoding.toml for templates whose sources are silent


@dataclass(frozen=True)
class Decoding:
    max_new_tokens: int = 512
    temperature: float = 1.0  # 0: greedy
    top_p: float = 1.0
    top_k: int = 0  # 0: all
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    num_beams: int = 1
    do_sample: bool = True  # False: temperature, top_p and top_k do nothing

    def request_fields(self) -> dict[str, Any]:
        """The same as fields of a chat request."""
        return {
            "max_tokens": self.max_new_tokens,
            "temperature": self.temperature if self.do_sample else 0.0,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "repetition_penalty": self.repetition_penalty,
            "no_repeat_ngram_size": self.no_repeat_ngram_size,
            "num_beams": self.num_beams,
        }


# As the KULLM paper decoded; with do_sample off, its temperature, top_k and top_p do nothing.
PAPER_DECODING = Decoding(
    max_new_tokens=400,
    temperature=0.1,
    top_k=40,
    top_p=0.75,
    do_sample=False,
    num_beams=4,
    repetition_penalty=1.4,
)


@dataclass(frozen=True, kw_only=True)
class Profile:
    name: str
    title: str
    title_english: str = ""
    kind: Kind = "weights"
    repository: str = ""
    revision: str | None = None
    folder: str = ""  # where the user keeps the files, in place of a repository
    base: str | None = None  # what an adapter stands on, as `resolve` takes it
    template: str = OWN_TEMPLATE
    stop: tuple[str, ...] = ()
    context: int = 0  # 0: not known before the files are here
    eos: tuple[int, ...] = ()
    bos: int | None = None  # what stands before a prompt; None: what its tokenizer puts there
    pad: int | None = None
    defaults: Decoding = Decoding()
    licence: str = ""
    licence_class: LicenceClass = "research"
    size_4bit_gb: float = 0.0  # 0: not known
    source: str = ""
    description: str = ""
    description_english: str = ""
    verified: bool = False
    runs_here: bool = True
    note_korean: str = ""
    note_english: str = ""
    endpoint: str = ""
    model: str = ""  # its name at the endpoint
    key: str = ""  # the name of the stored key that the endpoint wants
    korean: bool = False  # trained for Korean, as far as the shipped files say

    @property
    def answers_in_korean(self) -> bool:
        return self.korean and self.kind == "weights" and self.template != _UNTAUGHT

    @property
    def called(self) -> str:
        """Its title as it is shown; one that the user wrote has no English twin."""
        return say(self.title, self.title_english or self.title)

    @property
    def about(self) -> str:
        return say(self.description, self.description_english or self.description)

    @property
    def note(self) -> str:
        return say(self.note_korean, self.note_english)


def shipped_profiles() -> Mapping[str, Profile]:
    return _shipped()


def user_profiles() -> Mapping[str, Profile]:
    return read_profiles(user_profiles_file())


class Titles(Mapping[str, str]):
    """How models are called, by their names, in the language that is spoken when it is asked."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles

    def __getitem__(self, name: str) -> str:
        return self._profiles[name].called

    def __iter__(self) -> Iterator[str]:
        return iter(self._profiles)

    def __len__(self) -> int:
        return len(self._profiles)


def all_profiles() -> Mapping[str, Profile]:
    """Shipped and the user's own, which win."""
    return MappingProxyType({**shipped_profiles(), **user_profiles()})


def read_profiles(path: Path) -> Mapping[str, Profile]:
    return profiles_from(profile_toml(path).tables(), path)


def profiles_from(tables: Mapping[str, Any], path: Path) -> Mapping[str, Profile]:
    """Every table of the file as a profile; all faults in one ConfigError."""
    faults: list[str] = []
    profiles: dict[str, Profile] = {}
    for name, table in tables.items():
        profile = _profile(name, table, faults)
        if profile:
            profiles[name] = profile
    if faults:
        raise profile_toml(path).rejected(faults)
    return MappingProxyType(profiles)


def profile_toml(path: Path) -> OwnToml:
    return OwnToml(path, "모델 프로필 파일을")


def decoding_for(template: str) -> Decoding:
    tables = _decodings()
    return tables.get(template, tables[_FALLBACK])


def save_profile(name: str, facts: Mapping[str, Any]) -> Profile:
    """Write one of the user's own, over an older one of that name; what else stands in the file stays as it is."""
    import tomlkit

    path = user_profiles_file()
    file, document = _document(path)
    table = tomlkit.table()
    table.update(facts)
    document[name] = table
    text = tomlkit.dumps(document)
    profile = profiles_from(file.tables_in(text), path)[name]
    publish(path, text, mode=0o600)
    return profile


def forget_profile(name: str) -> bool:
    """False if the user has no profile of that name."""
    import tomlkit

    path = user_profiles_file()
    _, document = _document(path)
    if name not in document:
        return False
    del document[name]
    publish(path, tomlkit.dumps(document), mode=0o600)
    return True


@functools.cache
def _shipped() -> Mapping[str, Profile]:
    found: dict[str, Profile] = {}
    for name in _FILES:
        read = read_profiles(_SHIPPED / f"{name}.toml")
        found |= {key: replace(one, korean=True) for key, one in read.items()} if name in _KOREAN else read
    beside = {name: replace(one, folder=str(_PACKAGE / one.folder)) for name, one in found.items() if one.folder}
    return MappingProxyType(found | beside)


@functools.cache
def _decodings() -> Mapping[str, Decoding]:
    file = profile_toml(_SHIPPED / "decoding.toml")
    faults: list[str] = []
    found = {
        name: _decoding(Decoding(), checked(table, DECODING_RULES, f"{name}.", faults))
        for name, table in file.tables().items()
    }
    if faults:
        raise file.rejected(faults)
    return MappingProxyType(found)


def _decoding(usual: Decoding, settings: Mapping[str, Any]) -> Decoding:
    """Greedy is said in one way once it is read: by temperature 0."""
    decoding = replace(usual, **settings)
    return decoding if decoding.do_sample else replace(decoding, temperature=0.0)


def _profile(name: str, table: object, faults: list[str]) -> Profile | None:
    if not isinstance(table, dict):
        faults.append(f"{name}: {say('[이름] 표여야 해요', 'must be a table, [name]')}")
        return None
    if not NAME.fullmatch(name):
        faults.append(
            f"{name!r}: {say('이름은 영문 소문자, 숫자, 점, 줄표, 밑줄로 써요', 'a name is made of lower-case letters, digits, dots, dashes and underscores')}"
        )
    before = len(faults)
    facts = checked(table, PROFILE_RULES, f"{name}.", faults)
    generation = checked(facts.pop("decoding", {}), DECODING_RULES, f"{name}.decoding.", faults)
    faults += [f"{name}.{key}: {say('빠져 있어요', 'is missing')}" for key in _missing(table)]
    if len(faults) > before:
        return None
    template = facts.get("template", OWN_TEMPLATE)
    usual = decoding_for(template)
    defaults = _decoding(usual, generation) if generation else usual
    stop = TEMPLATES[template].stop if template in TEMPLATES else ()
    return Profile(**{"title": name, "stop": stop, **facts, "name": name, "defaults": defaults})


def _missing(table: Mapping[str, Any]) -> list[str]:
    kind = table.get("kind", "weights")
    if kind == "endpoint":
        return [key for key in ("endpoint", "model") if not table.get(key)]
    missing = [] if table.get("repository") or table.get("folder") else ["repository"]
    return missing + (["base"] if kind == "adapter" and not table.get("base") else [])


def _document(path: Path) -> "tuple[OwnToml, TOMLDocument]":
    """The file, and what stands in it, comments and order kept; one that is no TOML is told first."""
    import tomlkit

    file = profile_toml(path)
    text = file.text()
    file.tables_in(text)
    return file, tomlkit.parse(text)
