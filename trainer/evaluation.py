"""The loss on held-out rows, and what follows from it: which checkpoint is the best, and when to stop early."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from trainer.dataset.batch import Example
from trainer.model.forward import Forward
from trainer.objective import Objective
from trainer.ranks import Ranks


@dataclass(frozen=True)
class Standing:
    """How the evaluations went so far."""

    best_loss: float | None = None
    best_step: int | None = None
    without_gain: int = 0

    def after(self, loss: float, step: int) -> "Standing":
        if math.isfinite(loss) and (self.best_loss is None or loss < self.best_loss):
            return Standing(loss, step, 0)
        return replace(self, without_gain=self.without_gain + 1)

    def out_of_patience(self, patience: int) -> bool:
        return bool(patience) and self.without_gain >= patience

    def state(self) -> dict[str, Any]:
        return asdict(self)


@torch.no_grad()
def evaluation_loss(
    objective: Objective, forward: Forward, micro_batches: Sequence[Sequence[Example]], ranks: Ranks
) -> tuple[float, Mapping[str, float]]:
    """The mean over all labels of all ranks, and what the objective tells beside it; `micro_batches` are this rank's."""
    loss, labels, sums = 0.0, 0, torch.zeros(len(objective.names), dtype=torch.float64)
    with forward.trainable.evaluating(), forward.attending():
        for examples in micro_batches:
            found = objective.measured(forward, examples)
            loss += float(found.loss)
            labels += found.labels
            sums += found.sums.cpu()
    total, count, *summed = ranks.sums(loss, labels, *sums.tolist())
    return total / max(1, count), objective.report(summed)
