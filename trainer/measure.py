"""`python -P -m trainer.measure FACTS`: how long this computer takes over a micro-batch of a model's shape.

FACTS is JSON: the model's config, the recipe's precision and method, tokens of a micro-batch and of a document in it. Two models of that
shape with random weights, of one block and of two, are trained a few steps by the trainer's own code: their difference is a block, the
rest is embeddings, head and loss. Beside it, how many operations a second a large matrix product of the same arithmetic reaches. One line
of JSON on stdout. A child of the plan, since it needs torch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from trainer.base import trainable_model
from trainer.forward import forward_of
from trainer.recipe import Recipe, recipe_from
from trainer.utilisation import arithmetic

_SECONDS = 1.0  # of steps, once the first has warmed everything up
_FEWEST, _MOST = 2, 20
_SIDE, _PRODUCTS = 2048, 5  # of the matrices multiplied, and how often


@dataclass(frozen=True)
class _Example:
    ids: Any
    trained: Any


def main() -> int:
    facts = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as home:
        os.environ["KULLM_HOME"] = home  # what quantising keeps of these models goes with them
        one, two = (_seconds(facts, layers) for layers in (1, 2))
    block = max(two - one, 0.0)
    kind = arithmetic(facts["recipe"]["model"]["precision"])
    found = {"block": block, "rest": max(one - block, 0.0), "tokens": facts["tokens"]}
    print(json.dumps(found | {"arithmetic": kind, "flops": round(_rate(kind))}))
    return 0


def _rate(kind: str) -> float:
    """Operations a second of the fastest of a few products; the first one is not counted."""
    side = torch.ones(_SIDE, _SIDE, dtype=torch.float32 if kind == "fp32" else torch.bfloat16)
    best = float("inf")
    for run in range(_PRODUCTS + 1):
        before = time.perf_counter()
        side @ side
        best = min(best, time.perf_counter() - before) if run else best
    return 2 * _SIDE**3 / best


def _seconds(facts: Mapping[str, Any], layers: int) -> float:
    """The fastest step's: what disturbs only makes one slower."""
    with _model_folder(facts["config"], layers) as folder:
        recipe = _recipe(facts["recipe"], folder)
        trainable = trainable_model(recipe, torch.device("cpu"))
        forward = forward_of(trainable, recipe.train.packing)
        batch = forward.batch(_documents(facts))
        best, began, runs = float("inf"), time.perf_counter(), 0
        while runs < _FEWEST or (runs < _MOST and time.perf_counter() - began < _SECONDS):
            before = time.perf_counter()
            with forward.attending():
                forward(batch).backward()  # type: ignore[no-untyped-call]
            best, runs = min(best, time.perf_counter() - before), runs + 1
            began = time.perf_counter() if runs == 1 else began
            for parameter in trainable.parameters.values():
                parameter.grad = None
    return best


@contextmanager
def _model_folder(config: Mapping[str, Any], layers: int) -> Iterator[Path]:
    family = AutoConfig.for_model(**{**config, "num_hidden_layers": layers})
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(family, dtype=torch.bfloat16).save_pretrained(folder)
        yield Path(folder)


def _recipe(tables: Mapping[str, Any], folder: Path) -> Recipe:
    return recipe_from({**tables, "model": {**tables["model"], "base": str(folder)}})


def _documents(facts: Mapping[str, Any]) -> list[_Example]:
    length, share = facts["document"], facts["trained_share"]
    vocabulary = facts["config"]["vocab_size"]
    count = max(1, facts["tokens"] // length)
    chance = np.random.default_rng(0)
    trained = np.arange(length) >= (1 - share) * length
    return [_Example(chance.integers(0, vocabulary, length), trained) for _ in range(count)]


if __name__ == "__main__":
    sys.exit(main())
