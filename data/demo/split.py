"""What is held out, and every choice that looks random: both from hashes of the content, the same on every machine."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

from data.demo.item import Item

Choice = TypeVar("Choice")

_SEED = "kullm-demo-1"
_HELD_SHARE = 10  # one wording, or one pair of operands, in so many


def number(*parts: object) -> int:
    text = "\x1f".join((_SEED, *map(str, parts)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def pick(choices: Sequence[Choice], *parts: object) -> Choice:
    return choices[number(*parts) % len(choices)]


def shuffled(choices: Sequence[Choice], *parts: object) -> list[Choice]:
    order = sorted(range(len(choices)), key=lambda place: number(*parts, place))
    return [choices[place] for place in order]


def is_held(item: Item, ask: str) -> bool:
    """Whether this wording of this item is never trained on."""
    if item.split_whole:
        return number("held", item.topic, item.key) % _HELD_SHARE == 0
    return number("held", item.topic, item.key, ask) % _HELD_SHARE == 0


def wordings(item: Item, split: str) -> tuple[str, ...]:
    return tuple(ask for ask in item.asks if is_held(item, ask) == (split == "heldout"))
