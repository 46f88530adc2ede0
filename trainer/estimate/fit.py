"""What would make a run fit that does not: the single change that disturbs least, else the pair, and the card that would do.

Tried from what changes nothing but speed to what changes the result:

    a smaller micro-batch      the same gradients in more pieces
    recomputing activations    the same gradients, a third slower
    a 4-bit base               other gradients, slightly
    LoRA in place of full      another method
    a smaller rank             less to learn with
    a shorter cutoff           long answers lose their ends
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from trainer.estimate.machines import Machine, known_gpus
from trainer.recipe import Recipe, longest_example

_LEAST_RANK = 4
_LEAST_CUTOFF = 256

Need = Callable[[Recipe, Machine], int]  # bytes of one rank


@dataclass(frozen=True)
class Change:
    settings: tuple[str, ...]  # as `--set` takes them
    recipe: Recipe
    single: bool = True


@dataclass(frozen=True)
class Advice:
    """Empty where the run fits. `changes`: each makes it fit by itself, least invasive first; `card`: the smallest known that holds it."""

    changes: tuple[Change, ...] = ()
    card: str = ""


def changes_that_fit(recipe: Recipe, machine: Machine, need: Need) -> Advice:
    if need(recipe, machine) <= machine.memory_bytes:
        return Advice()

    def fits(change: Change) -> bool:
        return need(change.recipe, machine) <= machine.memory_bytes

    single = tuple(_first_fitting(steps, fits) for steps in _ladders(recipe))
    found = tuple(change for change in single if change)
    return Advice(found or tuple(_pairs(recipe, fits))[:1], _card(recipe, machine, need))


def _ladders(recipe: Recipe) -> tuple[tuple[Change, ...], ...]:
    """Each kind of change, its mildest step first."""
    return (
        tuple(_smaller_micro_batches(recipe)),
        tuple(_recomputing(recipe)),
        tuple(_four_bit(recipe)),
        tuple(_adapting(recipe)),
        tuple(_smaller_ranks(recipe)),
        tuple(_shorter_rows(recipe)),
    )


def _first_fitting(steps: tuple[Change, ...], fits: Callable[[Change], bool]) -> Change | None:
    return next((change for change in steps if fits(change)), None)


def _pairs(recipe: Recipe, fits: Callable[[Change], bool]) -> Iterator[Change]:
    """Two kinds together; the mildest step of the one that works with some step of the other."""
    ladders = _ladders(recipe)
    for late in range(1, len(ladders)):
        for early in range(late):
            for first in ladders[late]:
                for second in _ladders(first.recipe)[early]:
                    both = Change(first.settings + second.settings, second.recipe, single=False)
                    if fits(both):
                        yield both


def _smaller_micro_batches(recipe: Recipe) -> Iterator[Change]:
    tokens = recipe.train.micro_tokens // 2
    while tokens >= longest_example(recipe):
        yield _with_train(recipe, f"train.micro_tokens={tokens}", micro_tokens=tokens)
        tokens //= 2


def _recomputing(recipe: Recipe) -> Iterator[Change]:
    for share in (0.5, 1.0):
        if share > recipe.train.recompute:
            yield _with_train(recipe, f"train.recompute={share}", recompute=share)


def _four_bit(recipe: Recipe) -> Iterator[Change]:
    if recipe.method.kind != "full" and recipe.model.precision != "4bit":
        model = replace(recipe.model, precision="4bit")
        yield Change(("model.precision=4bit",), replace(recipe, model=model))


def _adapting(recipe: Recipe) -> Iterator[Change]:
    if recipe.method.kind == "full" and recipe.model.init == "pretrained":
        yield Change(("method.kind=lora",), replace(recipe, method=replace(recipe.method, kind="lora")))


def _smaller_ranks(recipe: Recipe) -> Iterator[Change]:
    rank = recipe.method.rank // 2
    while recipe.method.kind == "lora" and rank >= _LEAST_RANK:
        yield Change((f"method.rank={rank}",), replace(recipe, method=replace(recipe.method, rank=rank)))
        rank //= 2


def _shorter_rows(recipe: Recipe) -> Iterator[Change]:
    """A budget below the longest row is raised to it, so the budget shrinks with the cutoff."""
    cutoff = recipe.data.cutoff // 2
    while cutoff >= _LEAST_CUTOFF:
        shorter = replace(recipe, data=replace(recipe.data, cutoff=cutoff))
        tokens = min(recipe.train.micro_tokens, longest_example(shorter))
        yield Change((f"data.cutoff={cutoff}", f"train.micro_tokens={tokens}"), _train_of(shorter, micro_tokens=tokens))
        cutoff //= 2


def _with_train(recipe: Recipe, setting: str, **values: float) -> Change:
    return Change((setting,), _train_of(recipe, **values))


def _train_of(recipe: Recipe, **values: float) -> Recipe:
    return replace(recipe, train=replace(recipe.train, **values))  # type: ignore[arg-type]


def _card(recipe: Recipe, machine: Machine, need: Need) -> str:
    """The card with the least memory that computes bf16 and holds the run as it is."""
    for gpu in sorted(known_gpus().values(), key=lambda one: one.memory_bytes):
        count = 1 if machine.is_cpu else machine.count
        on = Machine(f"{count}x{gpu.name}", count, gpu.memory_bytes, gpu)
        if gpu.bf16 and need(recipe, on) <= gpu.memory_bytes:
            return on.name
    return ""
