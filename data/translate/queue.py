"""What waits to be asked for, by the form that it is sent in, each text once; whoever wants it shares its translation."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from data.masking.unit import Form, Unit

Reason = Literal["placeholder-lost", "placeholder-moved", "empty-translation", "refused-text", "wrong-count"]


@dataclass(frozen=True)
class Untranslated:
    reason: Reason
    detail: str = ""


Outcome = str | Untranslated | None  # None: it was not asked for, as the translation stopped before


@dataclass(eq=False)
class Wish:
    """A unit that rows wait for."""

    unit: Unit
    keys: tuple[str, ...]  # of its ways to be asked for
    outcome: asyncio.Future[Outcome]
    ask: int = 0
    is_hurried: bool = False  # somebody waits for just this

    @property
    def key(self) -> str:
        return self.keys[self.ask]


@dataclass(eq=False)
class Asked:
    """One text as it is sent, and the wishes that its translation is for."""

    key: str
    text: str
    form: Form
    wishes: list[Wish] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes on the way, at most."""
        return len(json.dumps(self.text)) + 2


class Queue:
    def __init__(self, most_texts: int, most_bytes: int) -> None:
        self._most_texts, self._most_bytes = most_texts, most_bytes
        self._waiting: dict[Form, dict[str, Asked]] = {"tagged": {}, "plain": {}}
        self._bytes: dict[Form, int] = {"tagged": 0, "plain": 0}
        self._sent: dict[str, Asked] = {}
        self._hurried: dict[Form, set[str]] = {"tagged": set(), "plain": set()}
        self.is_last = False  # nothing more will come but what is asked for again

    def add(self, wish: Wish) -> None:
        form, text = wish.unit.asks[wish.ask]
        there = self._sent.get(wish.key) or self._waiting[form].get(wish.key)
        if there is None:
            there = self._waiting[form][wish.key] = Asked(wish.key, text, form)
            self._bytes[form] += there.size
        there.wishes.append(wish)
        if wish.is_hurried and wish.key in self._waiting[form]:
            self._hurried[form].add(wish.key)

    def again(self, asked: Sequence[Asked]) -> None:
        """Not sent after all."""
        for one in asked:
            self._sent.pop(one.key, None)
            self._waiting[one.form][one.key] = one
            self._bytes[one.form] += one.size
            self._hurried[one.form].add(one.key)

    def answered(self, one: Asked) -> None:
        self._sent.pop(one.key, None)

    def hurry(self, wishes: Sequence[Wish]) -> None:
        """Somebody waits for these: what they are among goes out, whether it fills a call or not."""
        for wish in wishes:
            wish.is_hurried = True
            for form, waiting in self._waiting.items():
                if wish.key in waiting:
                    self._hurried[form].add(wish.key)

    @property
    def can_take(self) -> bool:
        return any(map(self._is_ripe, self._waiting))

    def is_sent(self, one: Asked) -> bool:
        return self._sent.get(one.key) is one

    def take(self) -> list[Asked]:
        """One call's worth; nothing where it would not be full and nobody hurries."""
        ripe = sorted(filter(self._is_ripe, self._waiting), key=lambda one: (not self._hurried[one], -self._bytes[one]))
        return self._taken(ripe[0]) if ripe else []

    def _is_ripe(self, form: Form) -> bool:
        waiting = self._waiting[form]
        is_full = len(waiting) >= self._most_texts or self._bytes[form] >= self._most_bytes
        return bool(waiting) and (is_full or self.is_last or bool(self._hurried[form]))

    def _taken(self, form: Form) -> list[Asked]:
        waiting, taken, size = self._waiting[form], list[Asked](), 0
        for one in waiting.values():
            if taken and (len(taken) >= self._most_texts or size + one.size > self._most_bytes):
                break
            taken.append(one)
            size += one.size
        for one in taken:
            del waiting[one.key]
            self._hurried[form].discard(one.key)
            self._sent[one.key] = one
        self._bytes[form] -= size
        return taken
