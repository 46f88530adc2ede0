"""In what two jobs differ: their recipes, value by value, and nothing that is alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TEXTS = ("summary", "summary_en", "source", "source_en", "notes", "notes_en")  # what a recipe says of itself


@dataclass(frozen=True)
class Difference:
    place: str  # as `--set` names it
    values: tuple[Any, ...]  # of each job; None where it has none


def differences(*recipes: Mapping[str, Any]) -> list[Difference]:
    """Of recipes as plain tables."""
    tables = [flat(recipe) for recipe in recipes]
    places = dict.fromkeys(place for one in tables for place in one)
    found = [Difference(place, tuple(one.get(place) for one in tables)) for place in places]
    return [one for one in found if any(value != one.values[0] for value in one.values)]


def flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Each value by its place, but for what the recipe says of itself."""
    return {place: value for place, value in _leaves(recipe) if place not in _TEXTS}


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value
