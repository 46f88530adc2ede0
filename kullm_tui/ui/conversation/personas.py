"""Persona presets: a title and the system text behind it. Shipped ones, and the user's own in `personas.toml` beside the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core import rules
from kullm_tui.core.language import interface_language, say
from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.paths import config_file
from kullm_tui.core.rules import Fault, checked
from kullm_tui.core.text import nfc

_SHIPPED = Path(__file__).with_name("personas.toml")


@dataclass(frozen=True)
class Persona:
    name: str
    title: str
    system: str


def user_file() -> Path:
    return config_file().with_name("personas.toml")


def personas() -> list[Persona]:
    """The user's own first; one of theirs hides a shipped one of that name. ConfigError names every fault of their file."""
    own, shipped = _read(user_file()), _read(_SHIPPED)
    return [*own.values(), *(persona for name, persona in shipped.items() if name not in own)]


def _long_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Fault(say("비어 있지 않은 글이어야 해요", "must be text that is not empty"))
    return nfc(value).strip()


_RULES: Mapping[str, rules.Rule] = {"title": rules.text, "title_english": rules.text, "system": _long_text}


def _read(path: Path) -> Mapping[str, Persona]:
    file, faults = OwnToml(path, "페르소나 파일을"), list[str]()
    found: dict[str, Persona] = {}
    for name, table in file.tables().items():
        if not isinstance(table, dict):
            faults.append(f"{name}: {say('[이름] 표여야 해요', 'must be a table, [name]')}")
            continue
        facts = checked(table, _RULES, f"{name}.", faults)
        if "system" not in table:
            faults.append(f"{name}.system: {say('빠져 있어요', 'is missing')}")
        title = facts.get("title", name)
        if interface_language() != "ko":
            title = facts.get("title_english", title)
        found[name] = Persona(name, nfc(title), facts.get("system", ""))
    if faults:
        raise file.rejected(faults)
    return found
