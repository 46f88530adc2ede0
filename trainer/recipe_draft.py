"""A recipe that is being filled in: what was typed over its fields, and each fault at the field that it is about."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.recipe import Recipe, given_keys, load_recipe, recipe_or_faults
from trainer.recipe_fields import field_named

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
            before = known.text(self.base) or say("비어 있음", "empty")
            return say(f"직접 바꿈 (레시피: {before})", f"changed by you (the recipe: {before})")
        if key in self.given:
            source = f" · {self.base.source}" if self.base.source else ""
            return say("레시피의 값", "the recipe's") + source
        return say("기본값", "the default")

    def command(self) -> list[str]:
        """As a shell would say it."""
        return [*self.argv, *(word for key, text in self.typed.items() for word in ("--set", f"{key}={text.strip()}"))]


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
    data = recipe.data
    for key, name in (("data.source", data.source), ("data.evaluate", data.evaluate)):
        if isinstance(name, str) and _is_meant_as_file(name) and not Path(name).is_file():
            found[key] = say("그런 파일이 없어요", "there is no such file")
    if "data.source" not in found and Path(data.source).is_file():
        rows = _fault_of_rows(recipe)
        if rows:
            found["data.source"] = rows
    return found


def _read(key: str, text: str) -> object:
    known = field_named(key)
    return known.read(text) if known else text.strip()


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


def _fault_of_rows(recipe: Recipe) -> str:
    """The first rows say whether it can be read at all, and whether it has the columns."""
    from trainer.dataset.sources import records

    try:
        next(records(recipe.data), None)
    except (KullmError, OSError) as error:
        return _short(error, recipe.data.source)
    return ""


def _short(error: Exception, about: str) -> str:
    """The first line, without the name that stands in the field."""
    line = str(error).splitlines()[0]
    for name in (about, os.path.relpath(about) if os.sep in about else about):
        line = line.removeprefix(f"{name}: ")
    return line
