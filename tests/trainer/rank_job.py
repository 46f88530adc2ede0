"""Run under torchrun by test_ranks: one run over made-up rows. Arguments: base, folder, the rank that asks to stop (-1: none),
how often it looks before it asks."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.trainer.examples import a_recipe, a_run, made_up_rows
from trainer.loop import train
from trainer.ranks import joined


def main(base: str, folder: str, asks: int, looks: int) -> None:
    torch.set_num_threads(1)
    with joined() as ranks:
        recipe = a_recipe(base, epochs=2, eval_every=3, micro_tokens=16)  # a row each
        left = iter(range(looks))
        run = a_run(recipe, Path(folder), held_out=made_up_rows(5, seed=3))
        end = train(replace(run, ranks=ranks, stopping=lambda: ranks.rank == asks and next(left, None) is None))
        sys.stdout.write(f"{end}\n")  # one write: two ranks share the pipe, and print's two would mingle


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
