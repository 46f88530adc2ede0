"""Run under torchrun by test_ranks: runs over made-up rows, one after another.

Arguments: the base; then for each its folder, the rank that asks to stop (-1: none), how often that looks before it asks, and whether it
learns from replies or from pairs.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.trainer.examples import (
    ALONE,
    a_preference,
    a_preference_run,
    a_recipe,
    a_run,
    made_up_pairs,
    made_up_rows,
)
from trainer.loop import train
from trainer.ranks import Ranks, joined
from trainer.recipe import Recipe
from trainer.run import TrainingRun


def main(base: str, *runs: str) -> None:
    torch.set_num_threads(1)
    with joined() as ranks:
        for folder, kind, asks, looks in zip(
            runs[::4], runs[3::4], map(int, runs[1::4]), map(int, runs[2::4]), strict=True
        ):
            left = iter(range(looks))
            stopping = lambda: ranks.rank == asks and next(left, None) is None  # noqa: B023, E731 - asked within its run alone
            recipe = a_recipe(base, epochs=2, eval_every=3, micro_tokens=16)  # a row each
            if kind == "pairs":
                end = train(a_run_of_pairs(recipe, Path(folder), ranks))
            else:
                run = a_run(recipe, Path(folder), held_out=made_up_rows(5, seed=3))
                end = train(replace(run, ranks=ranks, stopping=stopping))
            sys.stdout.write(f"{end}\n")  # one write: two ranks share the pipe, and print's two would mingle


def a_run_of_pairs(recipe: Recipe, folder: Path, ranks: Ranks = ALONE) -> TrainingRun:
    """Some of the rows without a rejected reply, so that a rank may have more of them than another."""
    recipe = a_preference(recipe, sft_weight=0.3)
    held_out = made_up_pairs(5, seed=3)
    return a_preference_run(recipe, folder, pairs=made_up_pairs(unpaired=5), held_out=held_out, ranks=ranks)


if __name__ == "__main__":
    main(*sys.argv[1:])
