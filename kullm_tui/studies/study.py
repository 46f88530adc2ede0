"""A study: which mixtures are learnt over which bases by which recipes, what all are asked, and who grades. Read strictly from TOML.

shipped/NAME.toml   `paper` and `demo`
any other .toml     one's own, in the same form; a mixture, a recipe or questions of its own lie beside it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.manifest import Mixture, load_mixture
from evaluator.decodings import DECODINGS
from evaluator.rubric import load_rubric
from kullm_tui.core import paths, rules
from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.own_toml import OwnToml
from trainer.recipe import Recipe, load_recipe

_SHIPPED = Path(__file__).with_name("shipped")


@dataclass(frozen=True, kw_only=True)
class Base:
    """One recipe, learnt once for each mixture."""

    name: str
    recipe: str  # a shipped one, or a file
    set: tuple[str, ...] = ()  # as `kullm train --set` takes it
    mixtures: tuple[str, ...] = ()  # none: all of the study's
    on: str = ""  # a machine of the configuration; empty: here

    def recipe_over(self, data: Path | str) -> Recipe:
        return load_recipe(self.recipe, (*self.set, f"data.source={data}"))


@dataclass(frozen=True, kw_only=True)
class Study:
    name: str
    file: Path
    mixture: str  # whose outputs are the study's mixtures
    bases: tuple[Base, ...]
    questions: str  # a public set, a file, or `demo`
    limit: int = 0  # the first so many; 0: all, or as many of the demo's as are usual
    models: tuple[str, ...] = ()  # asked beside what is trained
    known: bool = False  # graded by the questions' known answers, offline
    judges: tuple[str, ...] = ()
    judged: bool = False  # by the strongest judge that the key offers, where none is named
    rubric: str = "kullm-2023-ko"
    decoding: str = ""  # as `eval run --decoding` has it; empty: each model's own
    summary: str = ""
    summary_en: str = ""

    @property
    def told(self) -> str:
        return say(self.summary or self.summary_en or self.name, self.summary_en or self.summary or self.name)

    def trained_on(self, machine: str) -> "Study":
        """Where its own file names no machine."""
        return replace(self, bases=tuple(replace(one, on=one.on or machine) for one in self.bases))

    @property
    def made_mixtures(self) -> Mixture:
        return load_mixture(self.mixture)

    def mixtures_of(self, base: Base) -> tuple[str, ...]:
        return base.mixtures or outputs_of(self.made_mixtures)


def outputs_of(mixture: Mixture) -> tuple[str, ...]:
    """The names of the data sets that it makes."""
    return tuple(mixture.outputs) or (mixture.name,)


def shipped_studies() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


def is_shipped(study: Study) -> bool:
    return study.file.parent == _SHIPPED.resolve()


def load_study(name: str) -> Study:
    """A shipped one, or the file if it ends in .toml. ConfigError tells every fault at once."""
    path = paths.typed(name) if name.endswith(".toml") else _SHIPPED / f"{name}.toml"
    if not path.is_file():
        hint = rules.did_you_mean(name, shipped_studies())
        raise ConfigError(
            say(
                f"{name} 연구 파일이 없어요.{hint} .toml 파일의 이름을 적거나 --scale demo를 쓰세요.",
                f"there is no study {name}.{hint} Name a .toml file, or use --scale demo.",
            )
        )
    return _checked(OwnToml(path, "연구 파일을"))


def _checked(file: OwnToml) -> Study:
    faults: list[str] = []
    folder = file.path.parent
    values = rules.checked(file.tables(), _TOP, "", faults)
    listed = values.pop("bases", [])
    found = [_base(one, f"bases[{place}].", faults, folder) for place, one in enumerate(listed, 1)]
    bases = tuple(one for one in found if one)
    if not listed:
        faults.append(f"bases: {say('[[bases]]가 하나 이상 있어야 해요', 'there must be one [[bases]] at least')}")
    for key in ("mixture", "questions"):
        if not values.get(key):
            faults.append(f"{key}: {say('빠져 있어요', 'is missing')}")
        else:
            values[key] = _beside(values[key], folder)
    if not faults and not (values.get("known") or values.get("judges") or values.get("judged")):
        told = say("known = true, judged = true, judges 가운데 하나는 적어 주세요", "say known = true, judged = true or name judges")  # fmt: skip
        faults.append(f"known: {told}")
    faults += _named_twice(bases)
    if not faults:
        faults += _unreadable(values, bases)
    if faults:
        raise file.rejected(faults)
    return Study(name=file.path.stem, file=file.path.resolve(), bases=bases, **values)


def _base(table: Mapping[str, Any], where: str, faults: list[str], folder: Path) -> Base | None:
    values = rules.checked(table, _BASE, where, faults)
    missing = [key for key in ("name", "recipe") if not values.get(key)]
    faults += [f"{where}{key}: {say('빠져 있어요', 'is missing')}" for key in missing if key not in table]
    if missing:
        return None
    return Base(**{**values, "recipe": _beside(values["recipe"], folder)})


def _beside(name: str, folder: Path) -> str:
    """A file that lies beside the study's is meant by its name."""
    place = folder / name
    return str(place.resolve()) if place.suffix and place.is_file() else name


def _named_twice(bases: Sequence[Base]) -> list[str]:
    names = [one.name for one in bases]
    twice = dict.fromkeys(name for name in names if names.count(name) > 1)
    return [f"bases: {say(f'{name} 베이스가 두 번 있어요', f'{name} stands there twice')}" for name in twice]


def _unreadable(values: Mapping[str, Any], bases: Sequence[Base]) -> list[str]:
    """What the study names and what cannot be used of it."""
    faults = []
    try:
        outputs = outputs_of(load_mixture(values["mixture"]))
    except KullmError as error:
        return [f"mixture: {error}"]
    for place, base in enumerate(bases, 1):
        strange = [name for name in base.mixtures if name not in outputs]
        listed = ", ".join(outputs)
        faults += [
            f"bases[{place}].mixtures: {say(f'{name} 혼합이 없어요. 있는 것: {listed}', f'there is no {name} among {listed}')}"
            for name in strange
        ]
        try:
            base.recipe_over("mixture.jsonl")
        except KullmError as error:
            faults.append(f"bases[{place}].recipe: {error}")
    try:
        load_rubric(values.get("rubric", Study.rubric))
    except KullmError as error:
        faults.append(f"rubric: {error}")
    return faults


_NAME = rules.matching(
    r"[a-z0-9][a-z0-9.-]{0,23}",
    "소문자, 숫자, 점, 줄표로 된 짧은 이름이어야 해요",
    "must be a short name of a-z, 0-9, dots and hyphens",
)
_BASE: Mapping[str, rules.Rule] = {
    "name": _NAME,
    "recipe": rules.text,
    "set": rules.texts,
    "mixtures": rules.texts,
    "on": rules.text,
}
_TOP: Mapping[str, rules.Rule] = {
    "summary": rules.text,
    "summary_en": rules.text,
    "mixture": rules.text,
    "questions": rules.text,
    "limit": rules.whole(0, 1_000_000),
    "models": rules.texts,
    "known": rules.truth,
    "judged": rules.truth,
    "judges": rules.texts,
    "rubric": rules.text,
    "decoding": rules.one_of(*DECODINGS),
    "bases": rules.tables("bases"),
}
