"""Texts with a title in a TOML file, a table each: shipped ones, and the user's own beside the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass

from kullm_tui.core import rules
from kullm_tui.core.language import interface_language, say
from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.rules import Fault, checked
from kullm_tui.core.text import nfc


@dataclass(frozen=True)
class Preset:
    name: str
    title: str
    text: str


def read_presets(file: OwnToml, field: str) -> Mapping[str, Preset]:
    """`field`: what the text is called there. ConfigError names every fault of the file."""
    faults = list[str]()
    known: Mapping[str, rules.Rule] = {"title": rules.text, "title_english": rules.text, field: _long_text}
    found: dict[str, Preset] = {}
    for name, table in file.tables().items():
        if not isinstance(table, dict):
            faults.append(f"{name}: {say('[이름] 표여야 해요', 'must be a table, [name]')}")
            continue
        facts = checked(table, known, f"{name}.", faults)
        if field not in table:
            faults.append(f"{name}.{field}: {say('빠져 있어요', 'is missing')}")
        title = facts.get("title", name)
        if interface_language() != "ko":
            title = facts.get("title_english", title)
        found[name] = Preset(name, nfc(title), facts.get(field, ""))
    if faults:
        raise file.rejected(faults)
    return found


def _long_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Fault(say("비어 있지 않은 글이어야 해요", "must be text that is not empty"))
    return nfc(value).strip()
