"""`python -P -m trainer.estimate.measure FACTS`: how long this computer takes over a micro-batch of a model's shape.

FACTS is JSON: the model's config, the recipe's method, the precisions to measure, tokens of a micro-batch and of a document in it. Two
models of that shape with random weights, of one block and of three, are trained a few steps by the trainer's own code: their difference is
two blocks, the rest is embeddings, head and loss. Beside it, how many operations a second a large matrix product of the same arithmetic
reaches. One line of JSON on stdout, an entry a precision. A child of the plan, since it needs torch.

Some processors multiply bf16 a hundred times as slowly as fp32. So whatever is measured starts small and grows while it is quick, and an
arithmetic that is hopeless beside another is not trained in: its products say how much longer its steps would be.
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
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from trainer.arithmetic import arithmetic_here
from trainer.model.base import trainable_model
from trainer.model.forward import Forward, forward_of
from trainer.objective import Likelihood
from trainer.recipe import Recipe, recipe_from
from trainer.side_by_side import Workers, gradients_of, workers_of

_TIME = 3.0  # seconds of steps, once the first has warmed everything up
_LONGEST = 30.0  # of a precision, whatever few steps it allows
_STEP_TIME = (
    2.0  # of a step of the shallow model: where a short one says that it will take longer, it gets fewer tokens
)
_SHORT = 64  # tokens of the short one
_DEPTHS = 1, 3  # blocks of the two models
_FEWEST, _MOST = 3, 20
_SPREAD = 0.25  # of the documents' lengths
_SIDES, _PRODUCTS = (256, 512, 1024), 3  # of the matrices multiplied, and how often
_SLOW_PRODUCT = 0.05  # seconds; a larger one is not tried
_HOPELESS = 4  # times as slow in products as the best: nothing else of a step can make up for it


@dataclass(frozen=True)
class _Example:
    ids: Any
    trained: Any


def main() -> int:
    facts = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as home:
        os.environ["KULLM_HOME"] = home  # what quantising keeps of these models goes with them
        found = measured(facts)
    print(json.dumps(found))
    return 0


def measured(facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By precision, the fastest arithmetic first."""
    rates = {precision: _rate(arithmetic_here(precision)) for precision in facts["precisions"]}
    order = sorted(rates, key=lambda precision: -rates[precision])
    found: dict[str, dict[str, Any]] = {}
    for precision in order:
        slower = rates[order[0]] / rates[precision]
        if slower > _HOPELESS:
            seconds = {part: slower * found[order[0]][part] for part in ("block", "rest")}
        else:
            seconds = _seconds(facts, precision)
        kind = arithmetic_here(precision)
        found[precision] = seconds | {"tokens": facts["tokens"], "arithmetic": kind, "flops": round(rates[precision])}
    return found


def _seconds(facts: Mapping[str, Any], precision: str) -> dict[str, float]:
    """Of a block and of the rest, for the facts' number of tokens, side by side as a run computes: the middling one of many pairs.

    The two models take turns, so that a slow moment of the computer meets both and falls out of their difference. No two steps
    are of one size, as in a run: products of a size that was there before are faster.
    """
    threads = torch.get_num_threads()
    shallow, deep = (_model(facts, precision, layers, threads) for layers in _DEPTHS)
    tokens = _tokens_in_time(shallow, facts)
    blocks: list[float] = []
    rests: list[float] = []
    began = started = time.perf_counter()
    while len(blocks) <= _FEWEST or (len(blocks) <= _MOST and time.perf_counter() - began < _TIME):
        documents = _documents(facts, tokens, len(blocks))
        few, many = (_step_seconds(model, documents, facts["tokens"]) for model in (shallow, deep))
        blocks.append((many - few) / (_DEPTHS[1] - _DEPTHS[0]))
        rests.append(few - _DEPTHS[0] * blocks[-1])
        if len(blocks) == 1:
            began = time.perf_counter()
        elif time.perf_counter() - started > _LONGEST:
            break
    return {"block": max(median(blocks[1:]), 0.0), "rest": max(median(rests[1:]), 0.0)}


def _tokens_in_time(model: _Model, facts: Mapping[str, Any]) -> int:
    """The facts' tokens, or as many as a step may take time for."""
    short = _documents({**facts, "document": min(_SHORT, facts["document"])}, _SHORT, 0)
    seconds = min(_step_seconds(model, short, _SHORT) for _ in range(2))  # the first also warms everything up
    return min(int(facts["tokens"]), max(_SHORT, round(_STEP_TIME * _SHORT / seconds)))


@dataclass(frozen=True)
class _Model:
    forward: Forward
    workers: Workers


def _model(facts: Mapping[str, Any], precision: str, layers: int, threads: int) -> _Model:
    cpu = torch.device("cpu")
    with _model_folder(facts["config"], layers) as folder:
        recipe = _recipe(facts["recipe"], precision, folder)
        return _Model(forward_of(trainable_model(recipe, cpu), recipe.train.packing), workers_of(recipe, cpu, threads))


def _step_seconds(model: _Model, documents: Sequence[_Example], tokens: int) -> float:
    count = model.workers.count
    shares = [share for share in (documents[start::count] for start in range(count)) if share]
    before = time.perf_counter()
    with model.forward.attending():
        gradients = partial(gradients_of, Likelihood(), model.forward, count > 1)
        done = sum(part.tokens for part in model.workers.map(gradients, shares))
    seconds = time.perf_counter() - before
    for parameter in model.forward.trainable.parameters.values():
        parameter.grad = None
    return seconds * tokens / done


def _rate(kind: str) -> float:
    """Operations a second of all cores together, by the fastest of a few products on one, as large as are quick.

    On several, a product on a busy machine takes as long as the core that was taken away. The first one of a size is not counted.
    """
    threads, best = torch.get_num_threads(), 0.0
    torch.set_num_threads(1)
    for side in _SIDES:
        square = torch.ones(side, side, dtype=torch.float32 if kind == "fp32" else torch.bfloat16)
        seconds = []
        for _ in range(_PRODUCTS + 1):
            before = time.perf_counter()
            square @ square
            seconds.append(time.perf_counter() - before)
        best = max(best, 2 * side**3 / min(seconds[1:]))
        if min(seconds) > _SLOW_PRODUCT:
            break
    torch.set_num_threads(threads)
    return threads * best


@contextmanager
def _model_folder(config: Mapping[str, Any], layers: int) -> Iterator[Path]:
    family = AutoConfig.for_model(**{**config, "num_hidden_layers": layers})
    with tempfile.TemporaryDirectory() as folder:
        AutoModelForCausalLM.from_config(family, dtype=torch.bfloat16).save_pretrained(folder)
        yield Path(folder)


def _recipe(tables: Mapping[str, Any], precision: str, folder: Path) -> Recipe:
    return recipe_from({**tables, "model": {**tables["model"], "base": str(folder), "precision": precision}})


def _documents(facts: Mapping[str, Any], tokens: int, run: int) -> list[_Example]:
    """Near the wanted length, every run others."""
    share, vocabulary = facts["trained_share"], facts["config"]["vocab_size"]
    chance = np.random.default_rng(run)
    document = min(facts["document"], tokens)
    count = max(1, tokens // document)
    lengths = np.maximum(2, document * chance.uniform(1 - _SPREAD, 1 + _SPREAD, count)).astype(int)
    return [_Example(chance.integers(0, vocabulary, one), np.arange(one) >= (1 - share) * one) for one in lengths]


if __name__ == "__main__":
    sys.exit(main())
