"""A recipe that is being filled in: what was typed over its fields, and each fault at the field that it is about."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import REPOSITORY
from trainer.built_sets import MIXTURE
from trainer.recipe import DataChoice, Recipe, given_keys, load_recipe, recipe_or_faults
from trainer.recipe_fields import BETWEEN_SOURCES, SOURCES, field_named

_SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Draft:
    base: Recipe  # what it begins with
    argv: tuple[str, ...]  # the command that begins with the same
    given: frozenset[str]  # the fields that the recipe's own file says
    typed: Mapping[str, str] = field(default_factory=dict)  # by field, where it differs
    machine: str = ""
    gpus: int | None = None  # of that machine; None: all

    def put(self, key: str, text: str) -> "Draft":
        """What is as before is no change."""
        known = field_named(key)
        typed = {name: value for name, value in self.typed.items() if name != key}
        if known is None or text.strip() != known.text(self.base):
            typed[key] = text
        return replace(self, typed=typed)

    def filled(self) -> tuple[Recipe | None, dict[str, str]]:
        """The recipe, or what is wrong with it by field."""
        values = {key: _read(key, text) for key, text in self.typed.items()}
        recipe, listed = recipe_or_faults(self.base, values)
        faults: dict[str, str] = {}
        for fault in listed:
            place, _, words = fault.partition(": ")
            faults.setdefault(place, words)
        return recipe, faults

    def origin(self, key: str) -> str:
        """Where the figure comes from."""
        known = field_named(key)
        if key in self.typed and known:
            before = known.text(self.base).replace(BETWEEN_SOURCES, ", ") or say("비어 있음", "empty")
            return say(f"직접 바꿈 (레시피: {before})", f"changed by you (the recipe: {before})")
        if key in self.given:
            source = f" · {self.base.told_source}" if self.base.told_source else ""
            return say("레시피의 값", "the recipe's") + source
        return say("기본값", "the default")

    def command(self) -> list[str]:
        """As a shell would say it."""
        return [
            *self.argv,
            *(word for key, text in self.typed.items() for word in ("--set", f"{key}={_word(key, text)}")),
        ]


def draft_of(name: str) -> Draft:
    """A shipped recipe, or a file's."""
    return Draft(load_recipe(name), ("train", name), given_keys(name))


def draft_like(job: str) -> Draft:
    """A job's own recipe, as it was asked for here. KullmError where there is none such, or its spec was changed."""
    from trainer.jobs.actions import asked_recipe
    from trainer.jobs.registry import known_job

    known = known_job(job)
    return Draft(
        asked_recipe(known),
        ("jobs", "clone", known.id),
        frozenset(),
        machine=known.machine,
        gpus=None if known.machine else _cards_of(str(known.spec.get("on") or "")),
    )


def _cards_of(on: str) -> int | None:
    """As many as a job of this computer was given, of those that it has."""
    from trainer.estimate.machines import machine_named

    try:
        machine = machine_named(on) if on else None
    except KullmError:
        return None
    return machine.count if machine and not machine.is_cpu else None


def faults_here(recipe: Recipe) -> dict[str, str]:
    """What only this computer knows: a file that is not there or cannot be read as rows, a base that nobody knows."""
    found: dict[str, str] = {}
    base = _fault_of_base(recipe)
    if base:
        found["model.base"] = base
    evaluate = recipe.data.evaluate
    if isinstance(evaluate, str) and _is_meant_as_file(evaluate) and not Path(evaluate).is_file():
        found["data.evaluate"] = say("그런 파일이 없어요", "there is no such file")
    for place, name in enumerate(recipe.data.sources):
        fault = _fault_of_source(name, recipe)
        if fault:
            found[source_key(place)] = fault
    return found


def source_key(place: int) -> str:
    """Where the fault of one of several sources stands."""
    return f"{SOURCES}.{place + 1}" if place else SOURCES


def _read(key: str, text: str) -> object:
    known = field_named(key)
    return known.read(text) if known else text.strip()


def _word(key: str, text: str) -> str:
    """As `--set` takes it: several values and tables as TOML, words as they are."""
    value = _read(key, text)
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(
                f"{json.dumps(ours, ensure_ascii=False)} = {json.dumps(theirs, ensure_ascii=False)}"
                for ours, theirs in value.items()
            )
            + "}"
        )
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else text.strip()


def _fault_of_source(name: str, recipe: Recipe) -> str:
    """What is no file may still be a folder, a data set of the hub by its name, or one that comes along."""
    from trainer.dataset.sources import DEMO, demo_sets, file_at, is_folder

    if file_at(name):
        return _fault_of_rows(replace(recipe.data, source=name))
    if name.startswith(MIXTURE):
        return say(
            "만든 혼합 가운데 없어요. 데이터 화면(F11)에서 먼저 만드세요", "no such mixture was built; F11 builds it"
        )
    if name.startswith(DEMO):
        return "" if name in demo_sets() else say("그런 예제 데이터가 없어요", "there is no such demo data")
    if _is_meant_as_file(name) or not (is_folder(name) or REPOSITORY.fullmatch(name)):
        return say("그런 파일이 없어요", "there is no such file")
    return ""


def _is_meant_as_file(name: str) -> bool:
    return name.startswith(("/", "~", "./", "../")) or name.lower().endswith(_SUFFIXES)


def _fault_of_base(recipe: Recipe) -> str:
    from trainer.estimate.shape import shape_of
    from trainer.jobs.prepare_here import require_base

    try:
        require_base(recipe)
        shape_of(recipe.model.base)
    except KullmError as error:
        return _short(error, recipe.model.base)
    return ""


def _fault_of_rows(data: DataChoice) -> str:
    """The first rows say whether it can be read at all, and whether it has the columns."""
    from trainer.dataset.sources import records

    try:
        next(iter(records(data)), None)
    except (KullmError, OSError) as error:
        return _short(error, data.named)
    return ""


def _short(error: Exception, about: str) -> str:
    """The first line, without the name that stands in the field."""
    line = str(error).splitlines()[0]
    for name in (about, os.path.relpath(about) if os.sep in about else about):
        line = line.removeprefix(f"{name}: ")
    return line
