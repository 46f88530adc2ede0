"""Rows in which a held-out text stands, or a near copy: other case, spacing or punctuation, a changed word, quoted in a longer text.

Held-out texts and rows are compared folded. Pieces of the held-out texts lead to the places where one may stand, and there the edit
distance decides. A text too short to be told from common speech is found in any place only as it is, and with a changed
word where it is all that somebody asks.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from os.path import commonprefix
from typing import Any

from data.folded import folded
from data.row import Rejection, Row
from kullm_tui.core.language import say

_RULES = 1
_SHOWN = 60
# An input of fewer letters says nothing of where it is from.
_LONG_INPUT = 40
_LONGEST_WORD = 12
_TELLING = 24  # letters from which on a text may be looked for anywhere with a word changed


@dataclass(frozen=True)
class Decontaminate:
    held_out: tuple[str, ...]
    name = "decontaminate"

    @property
    def settings(self) -> Mapping[str, Any]:
        digest = hashlib.sha256("\0".join(sorted(self.held_out)).encode()).hexdigest()
        return {"rules": _RULES, "held_out": digest, "texts": len(self.held_out)}

    def __call__(self, row: Row) -> Row | Rejection:
        found = _index_of(self.held_out).found_in(row)
        if found is None:
            return row
        shown = " ".join(found[:_SHOWN].split())
        return Rejection(
            row, "contaminated", say(f"평가 문항이 들어 있어요: {shown}", f"An item of an evaluation is in it: {shown}")
        )


def held_out_texts(questions: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Of instructions with their inputs (empty where there is none): both together, and each input long enough to give itself away.

    An instruction beside an input is not held out alone: `Correct the grammar.` belongs to nobody.
    """
    texts: dict[str, None] = {}
    for instruction, beside in questions:
        texts[f"{instruction}\n{beside}".strip()] = None
        if len(folded(beside)) >= _LONG_INPUT:
            texts[beside] = None
    return tuple(texts)


@lru_cache(maxsize=2)
def _index_of(held_out: tuple[str, ...]) -> "_Index":
    """One for each process, however often the step is sent to it."""
    return _Index(held_out)


@dataclass(frozen=True)
class _HeldOut:
    text: str
    folded: str

    @property
    def edits_anywhere(self) -> int:
        size = len(self.folded)
        few = 15 * size // 100
        return max(few, min(3 * size // 10, _LONGEST_WORD)) if size >= _TELLING else few

    @cached_property
    def masks(self) -> dict[str, int]:
        """For each letter the bits of the places where it stands."""
        masks: dict[str, int] = {}
        for place, letter in enumerate(self.folded):
            masks[letter] = masks.get(letter, 0) | 1 << place
        return masks


@dataclass(frozen=True)
class _Seeds:
    """Pieces of `size` letters of some held-out texts. A text is looked at every `stride` letters."""

    size: int
    stride: int
    needed: Callable[[int], int]  # pieces of a held-out text of so many letters that must be near each other
    owners: dict[str, tuple[int, ...]]

    def places(self, text: str) -> Iterator[tuple[int, list[int]]]:
        """Held-out texts, with where pieces of them stand."""
        size, owners = self.size, self.owners
        by_owner: dict[int, list[int]] = {}
        for at in range(0, len(text) - size + 1, self.stride):
            piece = text[at : at + size]
            if piece in owners:
                for owner in owners[piece]:
                    by_owner.setdefault(owner, []).append(at)
        yield from by_owner.items()


_LONG = 40


class _Index:
    def __init__(self, texts: Sequence[str]) -> None:
        self._held = [one for one in (_HeldOut(text, folded(text)) for text in texts) if one.folded]
        short = [number for number, one in enumerate(self._held) if len(one.folded) < _LONG]
        long = [number for number, one in enumerate(self._held) if len(one.folded) >= _LONG]
        # A word changed in the middle of 40 letters leaves two runs of 14: each has a piece of 8 at some fourth letter.
        self._kinds = (
            _Seeds(4, 1, lambda letters: max(1, letters // 5 - 2), self._owners(short, 4)),
            _Seeds(8, 4, lambda letters: letters // 16, self._owners(long, 8)),
        )
        self._tiny = {one.folded: one for one in self._held if len(one.folded) < 4}

    def _owners(self, numbers: Iterable[int], size: int) -> dict[str, tuple[int, ...]]:
        owners: dict[str, list[int]] = {}
        for number in numbers:
            text = self._held[number].folded
            for piece in {text[at : at + size] for at in range(len(text) - size + 1)}:
                owners.setdefault(piece, []).append(number)
        return {piece: tuple(found) for piece, found in owners.items()}

    def found_in(self, row: Row) -> str | None:
        asked = [folded(f"{one.content}\n{one.input}") for one in row.messages if one.role == "user"]
        text = "".join(asked) + "".join(folded(one.content) for one in row.messages if one.role != "user")
        for question in asked:
            if question in self._tiny:
                return self._tiny[question].text
        for seeds in self._kinds:
            for number, places in seeds.places(text):
                held = self._held[number]
                if any(_is_one_word_off(held.folded, question) for question in asked):
                    return held.text
                if any(_stands_in(held, window) for window in _windows(held, seeds, places, text)):
                    return held.text
        return None


def _is_one_word_off(held: str, question: str) -> bool:
    longer = max(len(held), len(question))
    if abs(len(held) - len(question)) > _LONGEST_WORD:
        return False
    before = len(commonprefix((held, question)))
    after = len(commonprefix((held[before:][::-1], question[before:][::-1])))
    return longer - before - after <= min(_LONGEST_WORD, 4 * longer // 10)


def _windows(held: _HeldOut, seeds: _Seeds, places: Sequence[int], text: str) -> Iterator[str]:
    """The stretches of the text in which enough pieces stand as near to each other as in the held-out text."""
    letters, edits = len(held.folded), held.edits_anywhere
    needed, done = seeds.needed(letters), 0
    for first, last in zip(places, places[needed - 1 :], strict=False):
        end = first + letters + edits
        if last < end and end > done:
            yield text[max(0, last + seeds.size - letters - edits) : end]
            done = end + letters // 2


def _stands_in(held: _HeldOut, window: str) -> bool:
    """Whether some stretch of the window is at most so many edits away (Myers 1999: a column of the table as two numbers' bits)."""
    letters, edits, masks = len(held.folded), held.edits_anywhere, held.masks
    all_bits, last = (1 << letters) - 1, 1 << (letters - 1)
    rises, falls, distance = all_bits, 0, letters
    for letter in window:
        same = masks.get(letter, 0)
        level = (((same & rises) + rises) ^ rises) | same | falls  # as its diagonal neighbour
        up, down = falls | ~(level | rises), level & rises
        distance += bool(up & last) - bool(down & last)
        if distance <= edits:
            return True
        up, down = up << 1, down << 1
        rises, falls = (down | ~(level | up)) & all_bits, up & level & all_bits
    return False
