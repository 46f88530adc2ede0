"""Rows made up on the spot, and jobs over tiny models: what the trainer's tests stand on."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from tests.tiny_models import save_model
from trainer.jobs.agent.directory import JobDirectory
from trainer.model.base import Trainable, trainable_model
from trainer.model.forward import forward_of
from trainer.preference import Preference
from trainer.ranks import Ranks
from trainer.recipe import DataChoice, Method, ModelChoice, PreferenceLoss, Recipe, Training
from trainer.reference import with_reference
from trainer.run import TrainingRun

ALONE = Ranks(0, 1, torch.device("cpu"))
END = 0  # the tiny tokenizer's end of text, which also pads


@dataclass(frozen=True)
class Row:
    ids: tuple[int, ...]
    trained: tuple[bool, ...]


@dataclass(frozen=True)
class Rows:
    rows: tuple[Row, ...]
    digest: str = "rows"
    lengths: list[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", [len(row.ids) for row in self.rows])

    def example(self, place: int, /) -> Row:
        return self.rows[place]


@dataclass(frozen=True)
class PairRow:
    """As a tokenised set hands one out: two documents with one prompt, or one document."""

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    rejected_at: int


@dataclass(frozen=True)
class Pairs:
    rows: tuple[PairRow, ...]
    digest: str = field(init=False)
    lengths: list[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha256(repr(self.rows).encode()).hexdigest())
        object.__setattr__(self, "lengths", [len(row.ids) for row in self.rows])

    def example(self, place: int, /) -> PairRow:
        return self.rows[place]


def made_up_rows(count: int = 24, *, seed: int = 0, longest: int = 40) -> Rows:
    """Prompts of several lengths, each with a trained reply that ends with the end token."""
    dice = random.Random(seed)
    rows = []
    for _ in range(count):
        prompt = [dice.randrange(3, 384) for _ in range(dice.randint(3, longest // 2))]
        reply = [dice.randrange(3, 384) for _ in range(dice.randint(1, longest // 2 - 1))] + [END]
        rows.append(Row((*prompt, *reply), (False,) * len(prompt) + (True,) * len(reply)))
    return Rows(tuple(rows))


def a_recipe(base: Path | str, *, precision: Any = "fp32", method: Method | None = None, **training: Any) -> Recipe:
    plain: dict[str, Any] = {"batch": 8, "epochs": 2, "learning_rate": 1e-2, "micro_tokens": 128, "warmup": 2}
    return Recipe(
        name="test",
        model=ModelChoice(base=str(base), template="plain", precision=precision),
        data=DataChoice(source="rows.jsonl"),
        method=method or Method(kind="lora", rank=4, alpha=8.0),
        train=Training(**{**plain, **training}),
    )


def a_run(
    recipe: Recipe,
    folder: Path,
    *,
    rows: Rows | Pairs | None = None,
    held_out: Rows | Pairs | None = None,
    ranks: Ranks = ALONE,
    **more: Any,
) -> TrainingRun:
    folder.mkdir(parents=True, exist_ok=True)
    trainable = trainable_model(recipe, ranks.device)
    return TrainingRun(
        recipe=recipe,
        folder=JobDirectory(folder),
        ranks=ranks,
        forward=forward_of(trainable, recipe.train.packing),
        examples=rows or made_up_rows(),
        held_out=held_out,
        **more,
    )


def trained_weights(trainable: Trainable) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in trainable.parameters.items()}


def largest_difference(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> float:
    assert left.keys() == right.keys()
    return max(float((left[name] - right[name]).abs().max()) for name in left)


def with_training(recipe: Recipe, **training: Any) -> Recipe:
    return replace(recipe, train=replace(recipe.train, **training))


def tiny_base(folder: Path, family: str = "gpt_neox", **more: Any) -> Path:
    return save_model(folder, family, **more)


def ids_of(row: Row) -> Sequence[int]:
    return row.ids


def made_up_pairs(count: int = 24, *, seed: int = 0, longest: int = 40, unpaired: int = 0) -> Pairs:
    """Two replies of several lengths to each prompt; every so manieth row has only the chosen one."""
    dice = random.Random(seed)

    def reply() -> list[int]:
        return [dice.randrange(3, 384) for _ in range(dice.randint(1, longest // 2 - 1))] + [END]

    rows = []
    for number in range(count):
        prompt = [dice.randrange(3, 384) for _ in range(dice.randint(3, longest // 2))]
        replies = [reply(), reply()][: 1 if unpaired and number % unpaired == 0 else 2]
        ids = tuple(token for one in replies for token in (*prompt, *one))
        trained = tuple(mark for one in replies for mark in (*[False] * len(prompt), *[True] * len(one)))
        rows.append(PairRow(ids, trained, len(prompt) + len(replies[0]) if len(replies) > 1 else 0))
    return Pairs(tuple(rows))


def a_preference(recipe: Recipe, **preference: Any) -> Recipe:
    """The recipe learning from pairs."""
    train = replace(recipe.train, kind="dpo")
    return replace(recipe, train=train, preference=PreferenceLoss(**preference))


def a_preference_run(recipe: Recipe, folder: Path, *, pairs: Pairs | None = None, **more: Any) -> TrainingRun:
    run = a_run(recipe, folder, rows=pairs or made_up_pairs(), objective=Preference(recipe.preference), **more)
    compared = with_reference(run)
    assert compared is not None
    return compared
