"""What the user marked as not for training, known by its words, so that it is left out by whichever way it comes.

A text is it where it says the same, however it is spaced and punctuated; and where it quotes the whole of it, unless that is so short
that anybody might say it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from data.folded import plain
from kullm_tui.core import paths
from kullm_tui.core.store.recovery import open_to_read

_TELLING = 12  # letters from which on it is looked for inside longer texts


@dataclass(frozen=True)
class Never:
    said: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.said)

    def is_in(self, texts: Iterable[str]) -> bool:
        if not self.said:
            return False
        said = list(map(plain, texts))
        together = "\n".join(said)
        return not self._folded.isdisjoint(said) or any(one in together for one in self._telling)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256("\0".join(sorted(self._folded)).encode()).hexdigest()

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(filter(None, map(plain, self.said)))

    @cached_property
    def _telling(self) -> tuple[str, ...]:
        return tuple(one for one in self._folded if len(one) >= _TELLING)


def marked_never() -> Never:
    """In this user's conversations."""
    file = paths.database_file()
    if not file.is_file():
        return Never()
    with open_to_read(file) as store:
        return Never(store.never_texts())
