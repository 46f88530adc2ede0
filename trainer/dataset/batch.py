"""Examples laid out as one micro-batch. Position t predicts token t + 1.

    packed    ids        a0 a1 a2 a3 │ b0 b1 b2         one row
              positions   0  1  2  3 │  0  1  2         start again with every document
              trained     .  .  x  x │  .  x  x
              labelled       1  2    │  4  5            flat places whose next token is trained
              labels         2       │  2               how many each document has
    padded    ids        a0 a1 a2 a3 │ b0 b1 b2 ..      a row each; what fills a row is behind all that counts,
                                                        so that a causal model needs no mask for it

Labels come from the trained marks alone, never from token values: the token that pads may be the one that ends a reply.
The first token of a document is no label.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch


class Example(Protocol):
    """Token ids, and which of them are trained."""

    @property
    def ids(self) -> Any: ...

    @property
    def trained(self) -> Any: ...


@dataclass(frozen=True)
class MicroBatch:
    """`labelled` are flat places in `ids`, `targets` the tokens they predict; `lengths` of the documents, empty when padded."""

    ids: torch.Tensor
    positions: torch.Tensor
    labelled: torch.Tensor
    targets: torch.Tensor
    labels: tuple[int, ...]
    lengths: tuple[int, ...]
    tokens: int

    def to(self, device: torch.device) -> "MicroBatch":
        if device.type == "cpu":
            return self
        names = ("ids", "positions", "labelled", "targets")
        return replace(self, **{name: getattr(self, name).to(device, non_blocking=True) for name in names})


def packed(examples: Sequence[Example]) -> MicroBatch:
    ids = [np.asarray(example.ids, dtype=np.int64) for example in examples]
    lengths = tuple(len(one) for one in ids)
    flat = np.concatenate(ids)
    parts = _labelled(examples, np.cumsum((0, *lengths[:-1])))
    positions = np.concatenate([np.arange(length) for length in lengths])
    return _micro_batch(flat[None], positions[None], parts, lengths, len(flat))


def padded(examples: Sequence[Example]) -> MicroBatch:
    lengths = [len(example.ids) for example in examples]
    width = max(lengths)
    ids = np.zeros((len(examples), width), dtype=np.int64)
    for row, example in zip(ids, examples, strict=True):
        row[: len(example.ids)] = example.ids
    parts = _labelled(examples, np.arange(len(examples)) * width)
    positions = np.broadcast_to(np.arange(width), ids.shape).copy()
    return _micro_batch(ids, positions, parts, (), sum(lengths))


def _labelled(examples: Sequence[Example], starts: Iterable[int]) -> list[Any]:
    """Of each document."""
    return [
        start + np.flatnonzero(np.asarray(example.trained, dtype=bool)[1:])
        for example, start in zip(examples, starts, strict=True)
    ]


def _micro_batch(ids: Any, positions: Any, parts: list[Any], lengths: tuple[int, ...], tokens: int) -> MicroBatch:
    labelled: Any = np.concatenate(parts)
    labels = tuple(map(len, parts))
    targets = ids.reshape(-1)[labelled + 1]
    ids, positions, labelled, targets = map(torch.from_numpy, (ids, positions, labelled, targets))
    return MicroBatch(ids, positions, labelled, targets, labels, lengths, tokens)
