"""One value of `config.toml` changed, the user's comments and order kept, the whole file checked before it is written."""

import contextlib
import tomllib
from typing import Any

from kullm_tui.core.config.settings import (
    ENDPOINT_RULES,
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
    """`model`, `engine.precision`, `endpoints.NAME.base_url` …; an empty value takes the line away."""
    import tomlkit

    rule = _rule_of(key)
    document = _document()
    if value == "":
        _take_away(document, key)
    else:
        _put(document, key, _typed(key, rule, value))
    changed = tomlkit.dumps(document)
    parse_config(changed)
    publish(config_file(), changed, mode=0o600)


def remove_endpoint(name: str) -> bool:
    """False if there is none of that name."""
    import tomlkit

    document = _document()
    rows: Any = document.get("endpoints", [])
    place = next((place for place, row in enumerate(rows) if row.get("name") == name), None)
    if place is None:
        return False
    del rows[place]
    if not rows:
        del document["endpoints"]
    changed = tomlkit.dumps(document)
    parse_config(changed)
    publish(config_file(), changed, mode=0o600)
    return True


def _document() -> Any:
    """As it stands, comments and order kept; a file that is no TOML is told first."""
    import tomlkit

    file = config_toml()
    text = file.text()
    file.tables_in(text)
    return tomlkit.parse(text)


def _rule_of(key: str) -> Rule:
    section, _, rest = key.partition(".")
    if section == "endpoints":
        name, _, last = rest.rpartition(".")
        rules = {f"endpoints.{name or 'NAME'}.{field}": rule for field, rule in ENDPOINT_RULES.items()}
        if name and last in ENDPOINT_RULES:
            return ENDPOINT_RULES[last]
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
    if section == "endpoints":
        name, _, last = rest.rpartition(".")
        if _endpoint_row(document, name) is None:
            document.setdefault("endpoints", tomlkit.aot()).append({"name": name})
        _endpoint_row(document, name)[last] = value
    elif rest:
        document.setdefault(section, tomlkit.table())[rest] = value
    else:
        document[section] = value


def _take_away(document: Any, key: str) -> None:
    section, _, rest = key.partition(".")
    if section == "endpoints":
        name, _, last = rest.rpartition(".")
        table, field = _endpoint_row(document, name), last
    else:
        table, field = (document.get(section), rest) if rest else (document, section)
    if table is not None and field in table:
        del table[field]


def _endpoint_row(document: Any, name: str) -> Any:
    return next((row for row in document.get("endpoints", []) if row.get("name") == name), None)
