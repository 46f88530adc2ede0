"""Run under torchrun by test_ranks: runs over made-up rows, one after another.

Arguments: the base; then for each its folder, the rank that asks to stop (-1: none), and how often that looks before it asks.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.trainer.examples import a_recipe, a_run, made_up_rows
from trainer.loop import train
from trainer.ranks import joined


def main(base: str, *runs: str) -> None:
    torch.set_num_threads(1)
    with joined() as ranks:
        for folder, asks, looks in zip(runs[::3], map(int, runs[1::3]), map(int, runs[2::3]), strict=True):
            left = iter(range(looks))
            stopping = lambda: ranks.rank == asks and next(left, None) is None  # noqa: B023, E731 - asked within its run alone
            recipe = a_recipe(base, epochs=2, eval_every=3, micro_tokens=16)  # a row each
            run = a_run(recipe, Path(folder), held_out=made_up_rows(5, seed=3))
            end = train(replace(run, ranks=ranks, stopping=stopping))
            sys.stdout.write(f"{end}\n")  # one write: two ranks share the pipe, and print's two would mingle


if __name__ == "__main__":
    main(*sys.argv[1:])
