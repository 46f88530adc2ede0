"""A tokenised set as it lies on disk, mapped and not read.

cache/tokens/KEY/   ids.npy       uint16 where the vocabulary allows, else uint32; all examples in a row
                    trained.npy   uint8, beside the ids
                    offsets.npy   int64, where each example begins, and the end
                    rows.npy      int64, each example's number in the source; negative where it was cut
                    pairs.npy     int64, of pairs, where in the example the rejected reply's document begins, else 0
                    rejected.jsonl  facts.json
"""

import json
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.dataset.labels import Example
from trainer.dataset.token_room import FACTS, held

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


PAIRS = "pairs.npy"


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    rows: int  # read, rejected ones too
    examples: int
    tokens: int
    trained_tokens: int
    cut: int
    rejected: Mapping[str, int]  # by reason
    mean: float
    longest: int
    histogram: Mapping[str, int]  # examples by length, "32": below 32, "64": from 32 to below 64 …
    pairs: int = 0


class TokenSet:
    """Examples of one tokenised set, mapped from its files."""

    def __init__(self, folder: Path) -> None:
        import numpy

        self.folder = folder
        weakref.finalize(self, os.close, held(folder))  # as long as this lives, nobody removes the files
        self.facts = TokenFacts(**json.loads((folder / FACTS).read_text(encoding="utf-8")))
        self._ids, self._trained, self._offsets, self._rows = (
            numpy.load(folder / f"{name}.npy", mmap_mode="r") for name in ("ids", "trained", "offsets", "rows")
        )
        self._rejected_at = numpy.load(folder / PAIRS, mmap_mode="r") if self.facts.pairs else None
        self.lengths: npt.NDArray[np.int64] = numpy.diff(self._offsets)
        whole = len(self._ids) == len(self._trained) == self._offsets[-1] == self.facts.tokens
        if not whole or not len(self._rows) == len(self.lengths) == self.facts.examples:
            raise ValueError("the files do not belong together")

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def digest(self) -> str:
        return self.folder.name

    def example(self, place: int, /) -> Example:
        begin, end = self._offsets[place], self._offsets[place + 1]
        row = int(self._rows[place])
        second = 0 if self._rejected_at is None else int(self._rejected_at[place])
        return Example(self._ids[begin:end], self._trained[begin:end].astype(bool), str(abs(row)), row < 0, second)
