"""`python -P -m trainer.measure FACTS`: how long this computer takes over a micro-batch of a model's shape.

FACTS is JSON: the model's config, the recipe's precision and method, tokens of a micro-batch and of a document in it. Two models of that
shape with random weights, of one block and of three, are trained a few steps by the trainer's own code: their difference is two blocks, the
rest is embeddings, head and loss. Beside it, how many operations a second a large matrix product of the same arithmetic reaches. One line
of JSON on stdout. A child of the plan, since it needs torch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from trainer.base import trainable_model
from trainer.forward import Forward, forward_of
from trainer.recipe import Recipe, recipe_from
from trainer.utilisation import arithmetic

_TIME = 3.0  # seconds of steps, once the first has warmed everything up
_DEPTHS = 1, 3  # blocks of the two models
_FEWEST, _MOST = 3, 20
_SPREAD = 0.25  # of the documents' lengths
_SIDE, _PRODUCTS = 2048, 5  # of the matrices multiplied, and how often


@dataclass(frozen=True)
class _Example:
    ids: Any
    trained: Any


def main() -> int:
    facts = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as home:
        os.environ["KULLM_HOME"] = home  # what quantising keeps of these models goes with them
        found = _seconds(facts)
    kind = arithmetic(facts["recipe"]["model"]["precision"])
    print(json.dumps(found | {"tokens": facts["tokens"], "arithmetic": kind, "flops": round(_rate(kind))}))
    return 0


def _seconds(facts: Mapping[str, Any]) -> dict[str, float]:
    """Of a block and of the rest, for the facts' number of tokens: the middling one of many pairs.

    The two models take turns, so that a slow moment of the computer meets both and falls out of their difference. No two steps
    are of one size, as in a run: products of a size that was there before are faster.
    """
    shallow, deep = (_model(facts, layers) for layers in _DEPTHS)
    blocks: list[float] = []
    rests: list[float] = []
    began = time.perf_counter()
    while len(blocks) <= _FEWEST or (len(blocks) <= _MOST and time.perf_counter() - began < _TIME):
        documents = _documents(facts, len(blocks))
        few, many = (_step_seconds(model, documents, facts["tokens"]) for model in (shallow, deep))
        blocks.append((many - few) / (_DEPTHS[1] - _DEPTHS[0]))
        rests.append(few - _DEPTHS[0] * blocks[-1])
        began = time.perf_counter() if len(blocks) == 1 else began
    return {"block": max(median(blocks[1:]), 0.0), "rest": max(median(rests[1:]), 0.0)}


def _model(facts: Mapping[str, Any], layers: int) -> Forward:
    with _model_folder(facts["config"], layers) as folder:
        recipe = _recipe(facts["recipe"], folder)
        return forward_of(trainable_model(recipe, torch.device("cpu")), recipe.train.packing)


def _step_seconds(forward: Forward, documents: Sequence[_Example], tokens: int) -> float:
    batch = forward.batch(documents)
    before = time.perf_counter()
    with forward.attending():
        forward(batch).backward()  # type: ignore[no-untyped-call]
    seconds = time.perf_counter() - before
    for parameter in forward.trainable.parameters.values():
        parameter.grad = None
    return seconds * tokens / batch.tokens


def _rate(kind: str) -> float:
    """Operations a second of the fastest of a few products; the first one is not counted."""
    side = torch.ones(_SIDE, _SIDE, dtype=torch.float32 if kind == "fp32" else torch.bfloat16)
    best = float("inf")
    for run in range(_PRODUCTS + 1):
        before = time.perf_counter()
        side @ side
        best = min(best, time.perf_counter() - before) if run else best
    return 2 * _SIDE**3 / best


@contextmanager
def _model_folder(config: Mapping[str, Any], layers: int) -> Iterator[Path]:
    family = AutoConfig.for_model(**{**config, "num_hidden_layers": layers})
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(family, dtype=torch.bfloat16).save_pretrained(folder)
        yield Path(folder)


def _recipe(tables: Mapping[str, Any], folder: Path) -> Recipe:
    return recipe_from({**tables, "model": {**tables["model"], "base": str(folder)}})


def _documents(facts: Mapping[str, Any], run: int) -> list[_Example]:
    """Near the wanted length, every run others."""
    share, vocabulary = facts["trained_share"], facts["config"]["vocab_size"]
    chance = np.random.default_rng(run)
    count = max(1, facts["tokens"] // facts["document"])
    lengths = np.maximum(2, facts["document"] * chance.uniform(1 - _SPREAD, 1 + _SPREAD, count)).astype(int)
    return [_Example(chance.integers(0, vocabulary, one), np.arange(one) >= (1 - share) * one) for one in lengths]


if __name__ == "__main__":
    sys.exit(main())
