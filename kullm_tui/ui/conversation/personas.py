"""Persona presets: a title and the system text behind it. Shipped ones, and the user's own in `personas.toml` beside the configuration."""

from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.own_toml import OwnToml
from kullm_tui.core.paths import config_file
from kullm_tui.ui.conversation.presets import read_presets

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
    own, shipped = (read_presets(OwnToml(path, "페르소나 파일을"), "system") for path in (user_file(), _SHIPPED))
    found = [*own.values(), *(one for name, one in shipped.items() if name not in own)]
    return [Persona(one.name, one.title, one.text) for one in found]
