"""What training makes smaller, and what is told of it beside the loss.

measured    of a micro-batch: the loss summed, with its graph; what its sum over the whole batch is divided by; further sums
over        the objective for one global batch: some weigh what they add up by the whole of it
report      figures of a batch from those sums, over all its micro-batches and ranks
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from trainer.dataset.batch import Example
from trainer.model.forward import Forward

NO_SUMS = torch.zeros(0, dtype=torch.float64)


@dataclass(frozen=True)
class Measured:
    loss: torch.Tensor
    labels: int
    tokens: int
    sums: torch.Tensor = NO_SUMS


class Objective(Protocol):
    @property
    def names(self) -> tuple[str, ...]:
        """Of the sums."""
        ...

    def over(self, batch: Iterable[Example], /) -> "Objective": ...

    def measured(self, forward: Forward, examples: Sequence[Example], /) -> Measured: ...

    def report(self, sums: Sequence[float], /) -> Mapping[str, float]: ...


class Likelihood:
    """Of the trained tokens: each counts the same."""

    names: tuple[str, ...] = ()

    def over(self, _batch: Iterable[Example], /) -> "Likelihood":
        return self

    def measured(self, forward: Forward, examples: Sequence[Example], /) -> Measured:
        batch = forward.batch(examples)
        return Measured(forward(batch), len(batch.targets), batch.tokens)

    def report(self, _sums: Sequence[float], /) -> Mapping[str, float]:
        return {}
