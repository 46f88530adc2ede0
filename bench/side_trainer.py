"""One side of the trainer's bench: a library, its layout of the rows, its micro-batch, its types, over the same rows and adapter.

Every optimizer step is timed, behind one small forward and backward that warm the process up. What is counted is real tokens: padding
is none. The rows have KULLM's lengths (mean near 208, cut at 512) and random ids.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

sys.path[:0] = [
    str(Path(__file__).parents[1]),
    str(Path(__file__).parent),
]  # not the other way: this folder has a trainer too
from side import serve  # noqa: E402

VOCABULARY, CUTOFF = 30080, 512
RATE, RANK, ALPHA = 3e-4, 16, 32
OUR_MICRO_TOKENS = 4096


class Side:
    """`library`: ours, trainer, trl; `layout`: padded, grouped, packed; `weights`: bf16, fp32; `autocast`: the library's bf16=True."""

    def measure(self, *, model: str, library: str, batch: int, steps: int, **how: Any) -> dict[str, Any]:
        import torch
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        made = rows(batch * steps)
        run: dict[str, Callable[..., Clock]] = {"ours": _ours, "trainer": _trainer, "trl": _trl}
        try:
            clock = run[library](Path(model), made, batch, **how)
        except (
            RuntimeError,
            ValueError,
            TypeError,
            AttributeError,
            ImportError,
            MemoryError,
        ) as error:  # a setting that does not run is a finding too
            return {"error": f"{type(error).__name__}: {error}"[:300]}
        from trainer.memory import peak_bytes

        facts = {"tokens_per_s": round(clock.tokens / clock.seconds, 1), "loss": round(clock.loss, 3)}
        return facts | {"tokens": clock.tokens, "steps": clock.steps, "peak_bytes": peak_bytes(torch.device("cpu"))}


class Clock:
    """From the first step's beginning to the last one's end."""

    def __init__(self) -> None:
        self.tokens, self.steps, self.loss = 0, 0, 0.0
        self.began = self.ended = 0.0

    def begin(self) -> None:
        self.began = time.perf_counter()

    def step(self, loss: float) -> None:
        self.steps, self.loss, self.ended = self.steps + 1, loss, time.perf_counter()

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def rows(count: int) -> list[tuple[list[int], int]]:
    """Ids, and how many of them are the prompt's."""
    dice = random.Random(0)
    made = []
    for _ in range(count):
        length = min(CUTOFF, max(48, round(dice.lognormvariate(5.1, 0.72))))
        prompt = min(length - 8, dice.randint(45, 130))
        made.append(([dice.randrange(3, 30000) for _ in range(length)], prompt))
    return made


def facts_of(made: list[tuple[list[int], int]]) -> dict[str, float]:
    lengths = [len(ids) for ids, _ in made]
    labelled = sum(len(ids) - n for ids, n in made) / sum(lengths)
    return {"rows": len(made), "mean_length": round(mean(lengths), 1), "labelled_share": round(labelled, 3)}


def _ours(model: Path, made: list[tuple[list[int], int]], batch: int, *, weights: Any, **_: Any) -> Clock:
    import torch

    from tests.trainer.examples import Row, Rows, a_job, a_recipe
    from trainer.recipe import Method
    from trainer.run import begin
    from trainer.side_by_side import workers_of
    from trainer.step import take_step

    examples = Rows(tuple(Row(tuple(ids), (False,) * n + (True,) * (len(ids) - n)) for ids, n in made))
    how: dict[str, Any] = {"micro_tokens": OUR_MICRO_TOKENS, "learning_rate": RATE, "epochs": 1, "batch": batch}
    recipe = a_recipe(model, precision=weights, method=Method(kind="lora", rank=RANK, alpha=ALPHA), **how)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        workers = workers_of(recipe, torch.device("cpu"), torch.get_num_threads())
        job = a_job(recipe, Path(folder), rows=examples, workers=workers)
        assert job.forward.packs
        with job.forward.attending():
            job.forward(job.forward.batch([Row((5,) * 64, (True,) * 64)])).backward()  # type: ignore[no-untyped-call]
        for parameter in job.parameters:
            parameter.grad = None
        course = begin(job)
        clock.begin()
        while course.step < course.total:
            taken = take_step(job, course)
            assert taken
            tally, facts = taken
            clock.tokens += int(tally.tokens)
            clock.step(facts["loss"])
    return clock


def _warm_with_adapter(folder: Path, weights: str) -> Any:
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    kind = torch.bfloat16 if weights == "bf16" else torch.float32
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=kind, attn_implementation="sdpa")
    model = peft.get_peft_model(base, peft.LoraConfig(r=RANK, lora_alpha=ALPHA, task_type="CAUSAL_LM"))
    ids = torch.full((1, 64), 5)
    model(input_ids=ids, labels=ids).loss.backward()
    model.zero_grad(set_to_none=True)
    return model


def _arguments(folder: str, batch: int, layout: str, micro: int, autocast: bool) -> dict[str, Any]:
    grouped = {"train_sampling_strategy": "group_by_length"} if layout == "grouped" else {}
    return {
        "output_dir": folder,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": max(1, batch // micro),
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "warmup_steps": 0,
        "logging_steps": 1,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": autocast,
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        **grouped,
    }


def _watching(clock: Clock) -> Any:
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.begin()

        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any = None, **_more: Any) -> None:
            if "loss" in (logs or {}):
                clock.step(float(logs["loss"]))

    return Watching()


def _trainer(
    model: Path, made: list[tuple[list[int], int]], batch: int, *, layout: str, micro: int, weights: str, autocast: bool
) -> Clock:
    from transformers import Trainer, TrainingArguments

    clock = Clock()
    data = [{"input_ids": ids, "labels": [-100] * n + ids[n:]} for ids, n in made]
    with tempfile.TemporaryDirectory() as folder:
        options = _arguments(folder, batch, layout, micro, autocast) | {"remove_unused_columns": False}
        Trainer(
            model=_warm_with_adapter(model, weights),
            args=TrainingArguments(**options),
            train_dataset=data,
            data_collator=lambda rows: _counted(clock, rows, _padded(rows)),
            callbacks=[_watching(clock)],
        ).train()
    return clock


def _counted(clock: Clock, rows: list[dict[str, Any]], collated: Any) -> Any:
    clock.tokens += sum(len(row["input_ids"]) for row in rows)
    return collated


def _padded(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
    import torch

    width = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])

    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows])
    return {"input_ids": filled("input_ids", 2), "labels": filled("labels", -100), "attention_mask": mask}


def _trl(
    model: Path, made: list[tuple[list[int], int]], batch: int, *, layout: str, micro: int, weights: str, autocast: bool
) -> Clock:
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    disable_progress_bars()
    clock = Clock()
    data = Dataset.from_list([{"input_ids": ids, "completion_mask": [0] * n + [1] * (len(ids) - n)} for ids, n in made])
    with tempfile.TemporaryDirectory() as folder:
        options = _arguments(folder, batch, layout, micro, autocast)
        options |= {"max_length": CUTOFF, "completion_only_loss": True}
        if layout == "packed":
            rows_of_a_batch = sum(len(ids) for ids, _ in made) / len(made) * batch / CUTOFF  # that hold its examples
            options |= {"packing": True, "gradient_accumulation_steps": max(1, round(rows_of_a_batch / micro))}
        sft = SFTTrainer(
            model=_warm_with_adapter(model, weights),
            args=SFTConfig(**options),
            train_dataset=data,
            processing_class=AutoTokenizer.from_pretrained(model),
            callbacks=[_watching(clock)],
        )
        collate = sft.data_collator
        sft.data_collator = lambda rows: _counted(clock, rows, collate(rows))
        sft.train()
    return clock


if __name__ == "__main__":
    serve(Side())
