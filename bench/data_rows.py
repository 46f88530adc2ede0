"""Rows as the builder meets them, made of nothing: English instructions as long as the sources', their Korean, and what is planted in them.

Per row 1,300 English characters in the mean, half as many Korean ones (41 + 12 + 142 million over 150,000 rows), with a long tail. The same seed makes the same rows.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.folded import folded_row
from data.row import Row, as_json, new_row, of_json
from kullm_tui.core.records import Message

MEAN_KOREAN = 650
NEAR, CONTAMINATED, HALF, MARKED_UP, CODED = 0.05, 0.002, 0.03, 0.1, 0.1
_WORDS = 20_000
_SYLLABLES = "가거게고관교구국그기나내년노는다단대더도동되드들라로리마만말면명모무문미바반방배변부분비사산상생서선성세소수스습시식신아안어업에여연영오와요용우운원위유의이인일자장적전정제조주중지진질차체치크타통트파평포표하학한할해행형호화회"
_ENDS = ("합니다", "입니다", "있습니다", "됩니다", "했습니다", "해요", "이에요", "때문입니다")
_GLUE = ("은", "는", "이", "가", "을", "를", "에서", "으로", "와", "의", "")
_COMMON = [
    "the",
    "of",
    "and",
    "to",
    "a",
    "in",
    "is",
    "that",
    "for",
    "it",
    "was",
    "on",
    "are",
    "as",
    "with",
    "be",
    "this",
    "have",
    "from",
    "or",
    "by",
    "not",
    "but",
    "what",
    "all",
    "when",
    "your",
    "can",
    "there",
    "an",
    "which",
]
_CODE = "```python\ndef main(values):\n    return [value for value in values if value]\n```"


@dataclass(frozen=True)
class Planted:
    """What a run over the rows is to find, by the rows' ids."""

    near: dict[str, str] = field(
        default_factory=dict
    )  # copy → what it is a copy of, where they share 0.8 of their shingles
    contaminated: set[str] = field(default_factory=set)
    half: set[str] = field(default_factory=set)
    korean_characters: int = 0
    english_characters: int = 0


class _Words:
    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._korean = [
            "".join(rng.choice(list(_SYLLABLES), rng.integers(1, 4))) + str(rng.choice(_GLUE)) for _ in range(_WORDS)
        ]
        letters = list("etaoinshrdlucmfwypvbgk")
        self._english = _COMMON * 20 + ["".join(rng.choice(letters, rng.integers(3, 10))) for _ in range(_WORDS)]
        rank = np.arange(1, _WORDS + 1)
        self._often = np.cumsum(1 / rank**0.7)

    def korean(self, count: int) -> list[str]:
        drawn = np.searchsorted(self._often, self._rng.random(count) * self._often[-1])
        words = [self._korean[at] for at in drawn]
        for at in range(9, count, 10):
            words[at] = f"{words[at]}{_ENDS[drawn[at] % len(_ENDS)]}."
        return words

    def english(self, count: int) -> str:
        drawn = self._rng.integers(0, len(self._english), count)
        words = [self._english[at] if number % 3 else _COMMON[at % len(_COMMON)] for number, at in enumerate(drawn)]
        words[14::15] = [f"{word}." for word in words[14::15]]
        return " ".join(words)


def held_out(count: int = 252) -> tuple[str, ...]:
    """As many as the paper has, in both languages."""
    words = _Words(np.random.default_rng(252))
    return tuple(text for _ in range(count) for text in (words.english(30), " ".join(words.korean(25))))


def write_rows(path: Path, rows: int, seed: int = 17) -> Planted:
    """One row a line; the translation stands in the row, the original beside it, as after a translation."""
    rng = np.random.default_rng(seed)
    words, planted = _Words(rng), Planted()
    items, recent = held_out(), list[tuple[Row, list[str], str]]()
    characters = [0, 0]
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            row = _next(rng, words, planted, items, recent, number)
            characters[0] += sum(map(len, row.texts))
            characters[1] += sum(len(one.content) for one in row.original)
            file.write(json.dumps(as_json(row), ensure_ascii=False) + "\n")
    return Planted(planted.near, planted.contaminated, planted.half, *characters)


def _next(
    rng: np.random.Generator,
    words: _Words,
    planted: Planted,
    items: tuple[str, ...],
    recent: list[tuple[Row, list[str], str]],
    number: int,
) -> Row:
    kind = rng.random()
    if recent and kind < NEAR:
        twin, said, english = recent[rng.integers(len(recent))]
        copy = list(said)
        for at in rng.integers(0, len(copy), round(rng.uniform(0, 0.05) * len(copy))):
            copy[at] = words.korean(1)[0]
        row = _row(number, _with_code_of(english, " ".join(copy)), english)
        if _overlap(row, twin) >= 0.8:
            planted.near[row.id] = twin.id
        return row
    said = words.korean(max(12, int(rng.lognormal(4.75, 0.75))))
    korean, english = " ".join(said), words.english(max(12, int(len(said) * 1.47)))
    if kind < NEAR + CONTAMINATED:
        row = _row(number, korean, f"{english} {items[rng.integers(len(items))].upper()}")
        planted.contaminated.add(row.id)
        return row
    if kind < NEAR + CONTAMINATED + HALF:
        row = _row(number, f"{' '.join(said[: len(said) // 2])} {english[: len(english) // 2]}", english)
        planted.half.add(row.id)
        return row
    english = _dressed(rng, english)
    row = _row(number, _with_code_of(english, korean), english)
    recent.append((row, said, english))
    if len(recent) > 20_000:
        recent[rng.integers(20_000)] = recent.pop()
    return row


def _with_code_of(english: str, korean: str) -> str:
    return f"{korean}\n\n{_CODE}" if _CODE in english else korean


def _dressed(rng: np.random.Generator, english: str) -> str:
    dress = rng.random()
    if dress < MARKED_UP:
        return f'<div class="markdown prose"><p>{english.replace(". ", ".</p><p>")} &amp; so on</p></div>'
    return f"{english}\n\n{_CODE}" if dress < MARKED_UP + CODED else english


def _row(number: int, korean: str, english: str) -> Row:
    messages = (Message("user", f"{number}번째 내용을 설명해 주세요."), Message("assistant", korean))
    original = (Message("user", f"Please explain the content of number {number}."), Message("assistant", english))
    row = new_row("bench", f"rows.jsonl:{number + 1}", messages)
    return Row(row.id, row.source, row.place, messages, original)


def _overlap(one: Row, other: Row) -> float:
    """By sets of strings: what the step finds is held against it."""
    sets = [{text[at : at + 5] for at in range(max(1, len(text) - 4))} for text in (folded_row(one), folded_row(other))]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def read_rows(path: Path, most: int | None = None) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number == most:
                return
            kept: dict[str, Any] = json.loads(line)
            yield of_json(kept)
