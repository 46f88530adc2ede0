"""Which rows are kept for evaluation: chosen by what they say, before anything else, so that a repeated row stands on one side only.

Of preference pairs it is the prompt that stands on one side only.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from kullm_tui.core.records import Record
from trainer.dataset.prompt_rows import PromptRow
from trainer.dataset.sources import DEMO, Rejection, Row, content_digest, prompt_digest, records
from trainer.recipe import DataChoice

_DEMO_SPLIT = "heldout"

Digest = Callable[[Record | PromptRow], bytes]
IsHeldOut = Callable[[bytes], bool]


def training_rows(data: DataChoice, *, by_prompt: bool = False) -> Iterator[Row | Rejection]:
    digest = _digest(by_prompt)
    held = _rule(data, digest)
    return (row for row in records(data) if isinstance(row, Rejection) or not held(digest(row.record)))


def evaluation_rows(data: DataChoice, *, by_prompt: bool = False) -> Iterator[Row | Rejection]:
    if isinstance(data.evaluate, str):
        return records(evaluation_source(data))
    digest = _digest(by_prompt)
    held = _rule(data, digest)
    return (row for row in records(_once(data)) if isinstance(row, Row) and held(digest(row.record)))


def evaluation_source(data: DataChoice) -> DataChoice:
    """Where the rows for evaluation come from: a source of their own, or the training rows' source."""
    if not isinstance(data.evaluate, str):
        return data
    split = _DEMO_SPLIT if data.evaluate.startswith(DEMO) else data.split
    return replace(data, source=data.evaluate, split=split, evaluate=0, limit=data.evaluate_limit)


def _digest(by_prompt: bool) -> Digest:
    return prompt_digest if by_prompt else content_digest


def _rule(data: DataChoice, digest: Digest) -> IsHeldOut:
    share = data.evaluate
    if isinstance(share, str) or not share:
        return frozenset().__contains__
    if share < 1:
        below = int(share * 2**64)
        return lambda said: int.from_bytes(said[:8], "big") < below
    every = (digest(row.record) for row in records(_once(data)) if isinstance(row, Row))
    chosen = _lowest(every, int(share))
    return lambda said: said in chosen


def _once(data: DataChoice) -> DataChoice:
    """What is learnt several times is asked once."""
    return replace(data, source=tuple(dict.fromkeys(data.sources)))


def _lowest(digests: Iterable[bytes], rows: int) -> frozenset[bytes]:
    """The lowest, until they stand for that many rows."""
    chosen: set[bytes] = set()
    for digest, repeats in sorted(Counter(digests).items()):
        if rows <= 0:
            break
        chosen.add(digest)
        rows -= repeats
    return frozenset(chosen)
