"""One key: where it stands, what it does, when it does that, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from kullm_tui.core.language import say

When = Literal[
    "always",
    "streaming",  # a reply is on its way or being judged
    "asked",  # there is a question, and nothing on its way answers it
    "replied",
    "begun",  # something stands in the thread
    "has code",
    "has reply",  # the chosen turn is a whole reply, or what came of one
    "has earlier branch",
    "has later branch",
    "has row",
    "usable",
    "downloadable",
    "pausable",
    "quantisable",
    "removable",
]


@runtime_checkable
class KnowsWhen(Protocol):
    """Where keys are bound that do something only at times."""

    def holds(self, when: When) -> bool: ...


@dataclass(frozen=True)
class Key:
    key: str
    action: str
    korean: str
    english: str
    footer: bool = False
    when: When = "always"
    told: tuple[str, str] = ("", "")  # in the help and the palette, where the footer's word is too short

    @property
    def told_whole(self) -> str:
        return say(self.told[0] or self.korean, self.told[1] or self.english)

    @property
    def meaning(self) -> str:
        return say(self.korean, self.english)

    @property
    def display(self) -> str:
        """As it stands in the footer: the first of its spellings."""
        return display(self.key.partition(",")[0])


_NAMES = {
    "enter": "⏎", "escape": "esc", "backspace": "⌫", "tab": "⇥", "up": "↑", "down": "↓", "left": "←",
    "right": "→", "delete": "del", "pageup": "PgUp", "pagedown": "PgDn", "slash": "/", "space": "␣", "end": "End", "home": "Home",
    "plus": "+", "minus": "-",
}  # fmt: skip


def display(key: str) -> str:
    """`ctrl+r` as ^r, `f2` as F2."""
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("ctrl+"):
        return f"^{display(key.removeprefix('ctrl+'))}"
    if key.startswith("shift+"):
        return f"⇧{display(key.removeprefix('shift+'))}"
    if key.startswith("alt+"):
        return f"⌥{display(key.removeprefix('alt+'))}"
    if key[0] == "f" and key[1:].isdigit():
        return key.upper()
    return key
