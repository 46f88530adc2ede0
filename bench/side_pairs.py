"""The sides of the trainer's bench that learn from preference pairs: our loop, and TRL's DPOTrainer over a base with a fresh adapter.

Each document of a pair has KULLM's lengths, and both begin with the same prompt. The clock runs from before the reference is computed.
"""

import os
import random
import tempfile
from pathlib import Path
from typing import Any

from side_trainer import (
    CUTOFF,
    Clock,
    How,
    arguments_of,
    base_model,
    counted,
    lora_options,
    recipe_of,
    watching,
)

Pair = tuple[list[int], list[int], list[int]]  # prompt, chosen, rejected
BETA = 0.1


def pairs(count: int) -> list[Pair]:
    dice = random.Random(0)

    def ids(length: int) -> list[int]:
        return [dice.randrange(3, 30000) for _ in range(length)]

    made = []
    for _ in range(count):
        prompt = dice.randint(45, 130)
        lengths = (min(CUTOFF, max(48, round(dice.lognormvariate(5.1, 0.72)))) for _ in range(2))
        made.append((ids(prompt), *(ids(max(8, length - prompt)) for length in lengths)))
    return made  # type: ignore[return-value]


def ours(model: Path, made: list[Pair], batch: int, how: How) -> Clock:
    import torch

    from tests.trainer.examples import PairRow, Pairs, Row, a_preference, a_run
    from trainer.preference import Preference
    from trainer.ranks import Ranks
    from trainer.reference import with_reference
    from trainer.run import begin
    from trainer.side_by_side import workers_of
    from trainer.step import take_step

    def row(prompt: list[int], chosen: list[int], rejected: list[int]) -> PairRow:
        trained = [kind for one in (chosen, rejected) for kind in [False] * len(prompt) + [True] * len(one)]
        return PairRow((*prompt, *chosen, *prompt, *rejected), tuple(trained), len(prompt) + len(chosen))

    recipe = a_preference(recipe_of(model, batch, how), beta=BETA)
    clock, ranks = Clock(), Ranks(0, 1, torch.device(how.device))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KULLM_HOME"] = f"{folder}/home"  # a reference that an earlier run has left would not be computed
        workers = workers_of(recipe, ranks.device, torch.get_num_threads())
        examples, objective = Pairs(tuple(row(*pair) for pair in made)), Preference(recipe.preference)
        run = a_run(recipe, Path(folder), rows=examples, workers=workers, ranks=ranks, objective=objective)
        assert run.forward.packs
        documents = [Row((5,) * 64, (True,) * 64)] * (1 if how.device == "cpu" else how.micro_tokens // 64)
        with run.forward.attending():
            run.forward(run.forward.batch(documents)).backward()  # type: ignore[no-untyped-call]
        for parameter in run.parameters:
            parameter.grad = None
        clock.begin()
        compared = with_reference(run)
        assert compared is not None
        state = begin(compared)
        while state.step < state.total:
            taken = take_step(compared, state)
            assert taken
            tally, facts = taken
            clock.tokens += int(tally.tokens)
            clock.step(facts["loss"])
    return clock


def trl(model: Path, made: list[Pair], batch: int, how: How) -> Clock:
    import torch
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    class OfIds(DPOTrainer):  # type: ignore[misc]
        """Of pairs that are tokens already."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, *arguments: Any, **more: Any) -> Any:
            clock.begin()
            return super()._precompute_ref_logps(*arguments, **more)

    disable_progress_bars()
    clock = Clock()
    names = ("prompt_ids", "chosen_ids", "rejected_ids")
    data = Dataset.from_list([dict(zip(names, pair, strict=True)) for pair in made])
    base = base_model(model, how)
    ids = torch.full(how.warming, 5, device=how.device)
    base(input_ids=ids, labels=ids).loss.backward()
    base.zero_grad(set_to_none=True)
    with tempfile.TemporaryDirectory() as folder:
        options = arguments_of(folder, batch, how) | {"max_length": None, "beta": BETA}
        options["precompute_ref_log_probs"] = how.layout == "precomputed"
        dpo = OfIds(
            model=base,
            args=DPOConfig(**options),
            train_dataset=data,
            processing_class=AutoTokenizer.from_pretrained(model),
            peft_config=lora_options(),
            callbacks=[watching(clock)],
        )
        collate = dpo.data_collator
        dpo.data_collator = lambda rows: _counted(clock, rows, collate(rows))
        dpo.train()
    return clock


def _counted(clock: Clock, rows: list[dict[str, Any]], collated: Any) -> Any:
    documents = [
        {"input_ids": row["prompt_ids"] + row[side]} for row in rows for side in ("chosen_ids", "rejected_ids")
    ]
    return counted(clock, documents, collated)
