"""What a finished set is like, from its own JSON lines: rows, characters and their spread, by source."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from data.lines import told_lines

_EDGES = (0, 10, 30, 100, 300, 1_000, 3_000, 10_000)  # characters of a text: a third of a decade each


@dataclass(frozen=True)
class Spread:
    """Of the lengths of some texts, in characters."""

    lengths: Mapping[int, int]  # how many texts are of each length

    @property
    def texts(self) -> int:
        return sum(self.lengths.values())

    @property
    def characters(self) -> int:
        return sum(length * count for length, count in self.lengths.items())

    @property
    def mean(self) -> float:
        return self.characters / self.texts if self.texts else 0.0

    def quantile(self, share: float) -> int:
        lengths = sorted(self.lengths)
        wanted = share * self.texts
        for length, so_far in zip(lengths, accumulate(self.lengths[one] for one in lengths), strict=True):
            if so_far >= wanted:
                return length
        return 0

    @property
    def histogram(self) -> list[tuple[int, int]]:
        """Each edge, and the texts from it to the next; the last has no end."""
        edges = [max(edge for edge in _EDGES if edge <= length) for length in self.lengths]
        counted: Counter[int] = Counter()
        for edge, count in zip(edges, self.lengths.values(), strict=True):
            counted[edge] += count
        return [(edge, counted[edge]) for edge in _EDGES]


@dataclass(frozen=True)
class Statistics:
    rows: Mapping[str, int]  # by source
    asked: Spread
    answered: Spread

    @property
    def all_rows(self) -> int:
        return sum(self.rows.values())


def statistics_of(lines: Path) -> Statistics:
    rows: Counter[str] = Counter()
    asked: Counter[int] = Counter()
    answered: Counter[int] = Counter()
    for record in told_lines(lines):
        rows[record["source"]] += 1
        for is_answer, text in _texts(record):
            (answered if is_answer else asked)[len(text)] += 1
    return Statistics(dict(sorted(rows.items())), Spread(asked), Spread(answered))


def _texts(record: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    if "conversations" not in record:
        yield False, "\n\n".join(filter(None, (record["instruction"], record["input"])))
        yield True, record["output"]
        return
    turns: Sequence[Mapping[str, str]] = record["conversations"]
    yield from ((turn["from"] == "gpt", turn["value"]) for turn in turns)
