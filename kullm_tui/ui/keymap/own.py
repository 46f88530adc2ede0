"""Keys of the user's own: one that is pressed in place of a key of the table, where a terminal, tmux or a browser keeps that for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from textual import events

from kullm_tui.core.language import say
from kullm_tui.ui.keymap import SCOPES
from kullm_tui.ui.keymap.key import Key


@dataclass(frozen=True)
class OwnKeys:
    """A key that is given another's meaning has lost its own: two can change places."""

    meant: Mapping[str, str] = field(default_factory=dict)  # by what is pressed

    def pressed(self, event: events.Key) -> events.Key:
        meant = self.meant.get(event.key)
        return events.Key(meant, None) if meant else event

    def of(self, key: Key) -> Key:
        """As it can be pressed: the user's own spelling first, and none that means something else by now."""
        spellings = key.key.split(",")
        own = [pressed for pressed, meant in self.meant.items() if meant in spellings]
        left = [spelling for spelling in spellings if spelling not in self.meant]
        return replace(key, key=",".join([*own, *left] or spellings))

    @property
    def fault(self) -> str:
        """Those that stand for no key of the table."""
        known = {spelling for scope in SCOPES for key in scope.keys for spelling in key.key.split(",")}
        unknown = ", ".join(meant for meant in self.meant.values() if meant not in known)
        return unknown and say(
            f"설정의 keys에 앱이 쓰지 않는 키가 있어요: {unknown}",
            f"keys in the configuration: the app knows no {unknown}.",
        )


class HasOwnKeys(Protocol):
    own_keys: OwnKeys


def own_keys(told: Sequence[str]) -> OwnKeys:
    """`alt+n=ctrl+n`, as the configuration has it."""
    return OwnKeys(dict(map(_pair, told)))


def _pair(told: str) -> tuple[str, str]:
    pressed, _, meant = told.partition("=")
    return pressed.strip(), meant.strip()
