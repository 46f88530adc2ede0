"""A mixture: which sources, which steps with which settings, and what is made of the rows. Read strictly from TOML.

    mixtures/NAME.toml                 the shipped ones
    configuration/mixtures/NAME.toml   the user's own, in the same form; or any other .toml file

The same manifest over the same files gives the same bytes: nothing here says when, where or how fast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kullm_tui.core import paths, rules
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.files import is_there, publish
from kullm_tui.core.language import say
from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.rules import did_you_mean

_SHIPPED = Path(__file__).with_name("mixtures")


@dataclass(frozen=True, kw_only=True)
class SourceChoice:
    name: str  # in the catalogue, or a new name for a file of one's own
    file: str = ""  # read instead of what the catalogue fetches
    form: str = ""  # of such a file; empty: the catalogue's, or what its columns say
    language: Literal["", "ko", "en"] = ""  # empty: the catalogue's
    columns: Mapping[str, str] = field(default_factory=dict)  # our name → the file's
    rows: int = 0  # the first so many; 0: all


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Each is in its place in every build; these switch it or set it."""

    clean: bool = True
    decontaminate: tuple[str, ...] = ("human-eval-ko", "human-eval-en")  # question sets; none: not done
    paper: bool = True  # the paper's filters
    strict: bool = True  # ours
    duplicates: float = 0.8  # likeness from which two rows are one; 0: not done


@dataclass(frozen=True, kw_only=True)
class Translation:
    translator: str = "deepl"  # or an endpoint's name
    model: str = ""  # of an endpoint
    glossary: str = ""  # a file of terms: English, tab, Korean
    speech: Literal["해요체", "합니다체", ""] = "해요체"  # one speech level throughout; empty: as it comes


@dataclass(frozen=True, kw_only=True)
class Mixture:
    name: str
    sources: tuple[SourceChoice, ...]
    steps: Steps = Steps()
    translation: Translation = Translation()
    outputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name → its sources; none: one, of all
    seed: int = 0  # of the order of the rows
    held_out: float = 0.0  # a share of the rows, by their ids, in a file of its own
    summary: str = ""
    summary_en: str = ""

    @property
    def told(self) -> str:
        return say(self.summary, self.summary_en or self.summary)


def shipped_mixtures() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


def own_folder() -> Path:
    return paths.config_file().with_name("mixtures")


def own_mixtures() -> tuple[str, ...]:
    """A shipped one's name is its own."""
    return tuple(sorted({path.stem for path in own_folder().glob("*.toml")} - set(shipped_mixtures())))


def load_mixture(name: str) -> Mixture:
    """The one of that name, or the file if it ends in .toml. ConfigError tells every fault at once."""
    return _checked(OwnToml(mixture_file(name), "혼합 파일을"))


def mixture_file(name: str) -> Path:
    if name.endswith(".toml"):
        places = [paths.typed(name)]
    else:
        places = [_SHIPPED / f"{name}.toml", own_folder() / f"{name}.toml"]
    found = next((place for place in places if is_there(place)), None)
    if found is None:
        raise _unknown(name)
    return found


def mixture_in(text: str, name: str) -> Mixture:
    """Of a text that is to be a file."""
    return _checked(OwnToml(Path(name), "혼합 파일을"), text)


def name_fault(name: str) -> str | None:
    """Of a mixture that is to be one's own."""
    try:
        _NAME(name)
    except rules.Fault as fault:
        return str(fault)
    if name in (*shipped_mixtures(), *own_mixtures()):
        return say("이미 있는 이름이에요.", "there is one of this name already.")
    return None


def copy_mixture(name: str, new: str) -> Path:
    """A file of one's own that begins as the other. ConfigError where the name will not do."""
    fault = name_fault(new)
    if fault:
        raise ConfigError(f"{new}: {fault}")
    path = paths.private_dir(own_folder()) / f"{new}.toml"
    publish(path, mixture_file(name).read_text(encoding="utf-8-sig"), mode=0o600)
    return path


def _checked(file: OwnToml, text: str | None = None) -> Mixture:
    tables = file.tables() if text is None else file.tables_in(text)
    faults: list[str] = []
    values = rules.checked(tables, _TOP, "", faults)
    for part, keys in _PARTS.items():
        values[part] = rules.checked(values.get(part, {}), keys, f"{part}.", faults)
    listed = values.pop("sources", [])
    choices = [_source(one, f"sources[{place}].", faults, file.path.parent) for place, one in enumerate(listed, 1)]
    sources = tuple(one for one in choices if one)
    outputs = _outputs(values.pop("outputs", {}), sources, faults)
    if not listed:
        faults.append(f"sources: {say('하나 이상 있어야 해요', 'there must be one at least')}")
    faults += _named_twice(sources)
    if faults:
        raise file.rejected(faults)
    steps, translation = Steps(**values.pop("steps")), Translation(**values.pop("translation"))
    return Mixture(
        name=file.path.stem, sources=sources, steps=steps, translation=translation, outputs=outputs, **values
    )


def _source(table: Mapping[str, Any], where: str, faults: list[str], folder: Path) -> SourceChoice | None:
    values = rules.checked(table, _SOURCE, where, faults)
    if "name" not in values:
        faults.append(f"{where}name: {say('빠져 있어요', 'is missing')}")
        return None
    if values.get("file"):
        places = (folder / values["file"], paths.typed(values["file"]))
        values["file"] = next((str(one.resolve()) for one in places if one.is_file()), values["file"])
    return SourceChoice(**values)


def _outputs(
    tables: Mapping[str, Any], sources: Sequence[SourceChoice], faults: list[str]
) -> dict[str, tuple[str, ...]]:
    names = [one.name for one in sources]
    values = rules.checked(tables, dict.fromkeys(tables, rules.texts), "outputs.", faults)
    for output, wanted in values.items():
        faults += [
            f"outputs.{output}: {say(f'{name} 소스가 없어요', f'there is no source {name}')}"
            for name in wanted
            if name not in names
        ]
    return values


def _named_twice(sources: Sequence[SourceChoice]) -> list[str]:
    names = [one.name for one in sources]
    twice = dict.fromkeys(name for name in names if names.count(name) > 1)
    return [f"sources: {say(f'{name} 소스가 두 번 있어요', f'{name} stands there twice')}" for name in twice]


def _columns(value: object) -> dict[str, str]:
    table = rules.table(value)
    if not all(isinstance(one, str) for one in table.values()):
        raise rules.Fault(say("열 이름의 표여야 해요", "must be a table of column names"))
    return table


_NAME = rules.matching(
    r"[a-z0-9][a-z0-9._-]{0,63}",
    "소문자, 숫자, 점, 줄표로 된 이름이어야 해요",
    "must be a name of a-z, 0-9, dots and hyphens",
)
_SOURCE: Mapping[str, rules.Rule] = {
    "name": _NAME,
    "file": rules.text,
    "form": rules.text,
    "language": rules.one_of("", "ko", "en"),
    "columns": _columns,
    "rows": rules.whole(0, 10**9),
}
_PARTS: Mapping[str, Mapping[str, rules.Rule]] = {
    "steps": {
        "clean": rules.truth,
        "decontaminate": rules.texts,
        "paper": rules.truth,
        "strict": rules.truth,
        "duplicates": rules.number(0, 1),
    },
    "translation": {
        "translator": rules.text,
        "model": rules.text,
        "glossary": rules.text,
        "speech": rules.one_of("해요체", "합니다체", ""),
    },
}
_TOP: Mapping[str, rules.Rule] = {
    "summary": rules.text,
    "summary_en": rules.text,
    "seed": rules.whole(0, 2**31),
    "held_out": rules.number(0, 0.5),
    "sources": rules.tables("sources"),
    "outputs": rules.table,
    **dict.fromkeys(_PARTS, rules.table),
}


def _unknown(name: str) -> ConfigError:
    known = (*shipped_mixtures(), *own_mixtures())
    hint, listed = did_you_mean(name, known), ", ".join(known)
    return ConfigError(
        say(
            f"'{name}' 혼합이 없어요.{hint} 있는 혼합: {listed}\n직접 쓴 혼합은 .toml로 끝나는 파일 이름으로 적어 주세요.",
            f"There is no mixture '{name}'.{hint} There are {listed}\nName your own by its file, ending in .toml.",
        )
    )
