"""Every topic of the demo model, each a function that yields its items."""

from collections.abc import Callable, Iterator
from functools import cache

from kullm_tui.demo.item import Item
from kullm_tui.demo.topics import (
    animals,
    arithmetic,
    checks,
    colours,
    countries,
    dates,
    english,
    explanations,
    korea,
    numerals,
    refusal,
    sayings,
    science,
    talk,
    units,
    words,
)

_SOURCES: tuple[Callable[[], Iterator[Item]], ...] = (
    talk.items,
    countries.items,
    arithmetic.items,
    units.items,
    numerals.items,
    dates.items,
    words.items,
    english.items,
    animals.items,
    colours.items,
    science.items,
    korea.items,
    sayings.items,
    explanations.items,
    checks.items,
    refusal.items,
)


@cache
def items() -> tuple[Item, ...]:
    return tuple(item for source in _SOURCES for item in source())
