"""Keys and values of finished turns, kept so that the next turn prefills only what is new.

An entry belongs to one adapter (or the base): the same text under another adapter has other keys and values.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from kullm_tui.engine.kv import KeysValues

# Shorter than this, copying costs as much as computing.
WORTH_COPYING = 16


@dataclass(frozen=True)
class Prefix:
    adapter: str | None
    tokens: tuple[int, ...]
    saved: KeysValues

    @property
    def bytes(self) -> int:
        return sum(keys.nbytes + values.nbytes for keys, values in self.saved.values())


class PrefixStore:
    """The least recently used entry goes first when the limit is reached."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.bytes = 0
        self._entries: OrderedDict[tuple[str | None, tuple[int, ...]], Prefix] = OrderedDict()

    def keep(self, prefix: Prefix) -> None:
        if prefix.bytes > self._limit:
            return
        for key in [key for key in self._entries if key[0] == prefix.adapter and _begins(prefix.tokens, key[1])]:
            self._drop(key)
        self._entries[prefix.adapter, prefix.tokens] = prefix
        self.bytes += prefix.bytes
        while self.bytes > self._limit:
            self._drop(next(iter(self._entries)))

    def longest(self, adapter: str | None, tokens: Sequence[int]) -> tuple[Prefix, int] | None:
        """The entry that shares most of its beginning with `tokens`, and how many tokens that is."""
        best: tuple[Prefix, int] | None = None
        for prefix in self._entries.values():
            if prefix.adapter == adapter:
                shared = shared_beginning(prefix.tokens, tokens)
                if shared > (best[1] if best else 0):
                    best = prefix, shared
        if best:
            self._entries.move_to_end((best[0].adapter, best[0].tokens))
        return best

    def clear(self) -> None:
        self._entries.clear()
        self.bytes = 0

    def _drop(self, key: tuple[str | None, tuple[int, ...]]) -> None:
        self.bytes -= self._entries.pop(key).bytes


def shared_beginning(one: Sequence[int], other: Sequence[int]) -> int:
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    return shared


def _begins(whole: tuple[int, ...], beginning: tuple[int, ...]) -> bool:
    return whole[: len(beginning)] == beginning
