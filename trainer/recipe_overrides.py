"""Single values put into a recipe's tables from the command line: `train.epochs=5`, `data.source=my.jsonl`."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from kullm_tui.core.language import say


def overridden(tables: Mapping[str, Any], overrides: Sequence[str], faults: list[str]) -> dict[str, Any]:
    """The tables with the values put in; what is no `table.key=value` is added to the faults."""
    changed = dict(tables)
    for override in overrides:
        place, equals, text = override.partition("=")
        names = [name.strip() for name in place.split(".")]
        if not equals or len(names) < 2 or not all(names):
            faults.append(
                f"{override}: "
                + say(
                    '"표.항목=값" 형식이어야 해요. 예: train.epochs=5',
                    'must look like "table.key=value", as in train.epochs=5',
                )
            )
            continue
        changed = put(changed, names, _value(text.strip()))
    return changed


def put(tables: Mapping[str, Any], names: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy with the value in its place; a place that is no table becomes one, and the rules say what is wrong with it."""
    first, *rest = names
    inner = tables.get(first)
    new = put(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value
    return {**tables, first: new}


def _value(text: str) -> Any:
    """A value as TOML writes it; anything else is the text itself, so that words need no quotes."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value = parsed.get("value")
    plain = len(parsed) == 1 and isinstance(value, str | int | float | bool | list | dict)
    return value if plain else text
