"""Micro-batches side by side on a processor, each on a core of its own, their gradients added in the order of the plan.

A product of a few hundred rows that is split over cores ends when the slowest core has done its part, thousands of times a step. On a
machine that does other work as well the others wait each time for a core that was taken away; on a quiet one whatever is no product still
runs on one core alone. A micro-batch a core meets the others once a step.

Only where nothing is shared but frozen weights: dropout would draw from one sequence of dice in an order that chance decides, a model that
is trained whole would hold its gradients once a core, and quantised layers open a matrix each.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch

from trainer.dataset.batch import Example
from trainer.model.forward import Forward
from trainer.objective import NO_SUMS, Objective
from trainer.recipe import Recipe, longest_example

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Workers:
    """`count` 1: one after the other, in this thread."""

    count: int = 1
    _pool: ThreadPoolExecutor | None = field(default=None, repr=False)

    def map(self, work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
        """In the order of the items."""
        return map(work, items) if self._pool is None else self._pool.map(work, items)


@dataclass(frozen=True)
class Part:
    """What one micro-batch adds. `gradients` is empty where they were added to the parameters' own."""

    loss: torch.Tensor
    labels: int
    tokens: int
    sums: torch.Tensor = NO_SUMS
    gradients: tuple[torch.Tensor | None, ...] = ()


def gradients_of(objective: Objective, forward: Forward, apart: bool, examples: Sequence[Example]) -> Part:
    """`apart`: handed back, to be added by one thread; added by several, their order would be chance."""
    found = objective.measured(forward, examples)
    part = Part(found.loss.detach(), found.labels, found.tokens, found.sums)
    if not apart:
        found.loss.backward()  # type: ignore[no-untyped-call]
        return part
    parameters = list(forward.trainable.parameters.values())
    return replace(part, gradients=torch.autograd.grad(found.loss, parameters, allow_unused=True))


def workers_of(recipe: Recipe, device: torch.device, threads: int) -> Workers:
    """As many as there are threads and as the budget of tokens has room for whole rows; torch gives each its share of the threads."""
    count = min(threads, recipe.train.micro_tokens // longest_example(recipe))
    if count < 2 or device.type != "cpu" or not _shares_nothing(recipe):
        return Workers()
    torch.set_num_threads(threads // count)  # of every thread that comes after, and of the products in them
    return Workers(count, ThreadPoolExecutor(count, thread_name_prefix="micro-batch"))


def _shares_nothing(recipe: Recipe) -> bool:
    train, method = recipe.train, recipe.method
    plain = recipe.model.precision in ("fp32", "bf16") and not train.compile and not train.recompute
    return plain and method.kind != "full" and not method.dropout
