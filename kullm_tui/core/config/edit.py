"""One value of `config.toml` changed, the user's comments and order kept, the whole file checked before it is written."""

import contextlib
import tomllib
from collections.abc import Mapping
from typing import Any

from kullm_tui.core.config.settings import (
    ROWS,
    SECTIONS,
    TOP_RULES,
    config_toml,
    parse_config,
)
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.files import publish
from kullm_tui.core.paths import config_file
from kullm_tui.core.rules import Fault, Rule, unknown_key


def set_value(key: str, value: str) -> None:
    """`model`, `engine.precision`, `machines.NAME.python` …; an empty value takes the line away."""
    import tomlkit

    rule = _rule_of(key)
    document = _document()
    if value == "":
        _take_away(document, key)
    else:
        _put(document, key, _typed(key, rule, value))
    _publish(tomlkit.dumps(document))


def put_row(kind: str, values: Mapping[str, Any]) -> None:
    """An endpoint or a machine, new or in place of the one that has its name."""
    import tomlkit

    document = _document()
    if _row(document, kind, values["name"]) is not None:
        document = _without(document, kind, values["name"])
    document.setdefault(kind, tomlkit.aot()).append(
        {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    )
    _publish(tomlkit.dumps(document))


def remove_row(kind: str, name: str) -> bool:
    """False if there is none of that name."""
    import tomlkit

    document = _document()
    if _row(document, kind, name) is None:
        return False
    _publish(tomlkit.dumps(_without(document, kind, name)))
    return True


def _without(document: Any, kind: str, name: str) -> Any:
    rows = document[kind]
    del rows[next(place for place, row in enumerate(rows) if row.get("name") == name)]
    if not rows:
        del document[kind]
    return document


def _publish(changed: str) -> None:
    parse_config(changed)
    publish(config_file(), changed, mode=0o600)


def _document() -> Any:
    """As it stands, comments and order kept; a file that is no TOML is told first."""
    import tomlkit

    file = config_toml()
    text = file.text()
    file.tables_in(text)
    return tomlkit.parse(text)


def _rule_of(key: str) -> Rule:
    section, _, rest = key.partition(".")
    if section in ROWS:
        name, _, last = rest.rpartition(".")
        known = ROWS[section][0]
        rules = {f"{section}.{name or 'NAME'}.{field}": rule for field, rule in known.items()}
        if name and last in known:
            return known[last]
    else:
        rules = {**TOP_RULES, **_in_sections()}
        if key in rules:
            return rules[key]
    raise ConfigError(f"{key}: {unknown_key(key, rules)}")


def _in_sections() -> dict[str, Rule]:
    return {f"{name}.{field}": rule for name, rules in SECTIONS.items() for field, rule in rules.items()}


def _typed(key: str, rule: Rule, value: str) -> Any:
    """The first reading of a command-line value that its rule accepts: TOML, plain text, a comma list."""
    readings: list[object] = [value, [item.strip() for item in value.split(",")]]
    with contextlib.suppress(tomllib.TOMLDecodeError):
        readings.insert(0, tomllib.loads(f"value = {value}")["value"])
    faults: list[Fault] = []
    for reading in readings:
        try:
            accepted = rule(reading)
        except Fault as fault:
            faults.append(fault)
        else:
            return list(accepted) if isinstance(accepted, tuple) else accepted
    raise ConfigError(f"{key}: {faults[0]}")


def _put(document: Any, key: str, value: Any) -> None:
    import tomlkit

    section, _, rest = key.partition(".")
    if section in ROWS:
        name, _, last = rest.rpartition(".")
        if _row(document, section, name) is None:
            document.setdefault(section, tomlkit.aot()).append({"name": name})
        _row(document, section, name)[last] = value
    elif rest:
        document.setdefault(section, tomlkit.table())[rest] = value
    else:
        document[section] = value


def _take_away(document: Any, key: str) -> None:
    section, _, rest = key.partition(".")
    if section in ROWS:
        name, _, last = rest.rpartition(".")
        table, field = _row(document, section, name), last
    else:
        table, field = (document.get(section), rest) if rest else (document, section)
    if table is not None and field in table:
        del table[field]


def _row(document: Any, kind: str, name: str) -> Any:
    return next((row for row in document.get(kind, []) if row.get("name") == name), None)
