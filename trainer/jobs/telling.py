"""How work that takes a while says what it does, to whoever shows it: a shell, a screen."""

from collections.abc import Callable
from dataclasses import dataclass

Said = Callable[[str], None]


@dataclass(frozen=True)
class Telling:
    """`note`: something that stays said. `progress`: how far it is, replaced by the next. What either raises ends the work."""

    note: Said
    progress: Said
