"""The learning rate's factor by step. Torch-free.

    cosine    ½(1 + cos πp)      p: the part of the steps behind the warm-up that is done
    linear    1 − p
    constant  1

The first step of a warm-up has the factor 0, as transformers counts it.
"""

import math

from trainer.recipe import Training


def total_steps(training: Training, examples: int) -> int:
    """Optimizer steps of the whole run; a last smaller batch is a step."""
    if training.max_steps:
        return training.max_steps
    return math.ceil(training.epochs * steps_per_epoch(training, examples))


def steps_per_epoch(training: Training, examples: int) -> int:
    return math.ceil(examples / training.batch)


def warmup_steps(training: Training, total: int) -> int:
    """`warmup` names steps from 1 up, a part of all steps below."""
    return int(training.warmup) if training.warmup >= 1 else math.ceil(training.warmup * total)


def learning_rate(training: Training, step: int, total: int) -> float:
    """For the step counted from 0."""
    warm = warmup_steps(training, total)
    if step < warm:
        return training.learning_rate * step / warm
    done = (step - warm) / max(1, total - warm)
    factor = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}
    return training.learning_rate * max(0.0, factor[training.schedule])
