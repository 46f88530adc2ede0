"""One side of the trainer's bench: a library, its layout of the rows, its micro-batch, its types, over the same rows and adapter.

Every optimizer step is timed, behind one small forward and backward that warm the process up. What is counted is real tokens: padding
is none. The rows have KULLM's lengths (mean near 208, cut at 512) and random ids. Of preference pairs (`side_pairs`) the reference is timed, too.
"""

import gc
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

sys.path[:0] = [
    str(Path(__file__).parents[1]),
    str(Path(__file__).parent),
]  # not the other way: this folder has a trainer too
from side import serve  # noqa: E402

CUTOFF, END = 512, 2
RATE, RANK, ALPHA = 3e-4, 16, 32

Ids = tuple[list[int], int]  # of a row, and how many of them are the prompt's


@dataclass(frozen=True, kw_only=True)
class How:
    layout: str = "padded"  # grouped, packed
    micro: int = 1  # rows that a library computes at once
    micro_tokens: int = 0  # … and we
    weights: str = "bf16"  # fp32, 4bit
    autocast: bool = False  # the library's bf16=True
    device: str = "cpu"

    @property
    def warming(self) -> tuple[int, int]:
        """Rows and tokens of what warms a process up. A device also learns from it how much memory a micro-batch takes."""
        return (1, 64) if self.device == "cpu" else (self.micro, CUTOFF)


class Side:
    """`library`: ours, trainer, trl; of preference pairs ours-dpo, trl-dpo."""

    def measure(
        self, *, model: str, library: str, batch: int, steps: int, length: int = 0, **how: Any
    ) -> dict[str, Any]:
        import torch
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))
        chosen = How(**how)
        import side_pairs

        of_pairs = {"ours-dpo": side_pairs.ours, "trl-dpo": side_pairs.trl}
        run: dict[str, Callable[..., Clock]] = {"ours": _ours, "trainer": _trainer, "trl": _trl, **of_pairs}
        made: Any = side_pairs.pairs(batch * steps) if library in of_pairs else rows(batch * steps, length)
        device = torch.device(chosen.device)
        _forget_peak(device)
        try:
            clock = run[library](Path(model), made, batch, chosen)
        except (
            RuntimeError,
            ValueError,
            TypeError,
            AttributeError,
            ImportError,
            MemoryError,
        ) as error:  # a setting that does not run is a finding too
            return {"error": f"{type(error).__name__}: {error}"[:300], "traceback": traceback.format_exc()}
        from trainer.memory import peak_bytes

        facts = {"tokens_per_s": round(clock.tokens / clock.seconds, 1), "loss": round(clock.loss, 3)}
        facts |= {"tokens": clock.tokens, "steps": clock.steps, "peak_bytes": peak_bytes(device)}
        facts |= {"rows_per_s": round(batch * steps / clock.seconds, 3)}
        return facts | _card(device)


def _forget_peak(device: Any) -> None:
    """What others left on the device goes, and what they took at most does not count."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _card(device: Any) -> dict[str, int]:
    """What a process holds of a card at its fullest: the allocator gives nothing back, and the context is not its own."""
    import torch

    if device.type != "cuda":
        return {}
    free, total = torch.cuda.mem_get_info(device)
    return {"card_bytes": total - free, "reserved_bytes": torch.cuda.max_memory_reserved(device)}


class Clock:
    """From the first step's beginning to the last one's end."""

    def __init__(self) -> None:
        self.tokens, self.steps, self.loss = 0, 0, 0.0
        self.began = self.ended = 0.0

    def begin(self) -> None:
        """The first time counts: a reference is computed before training begins."""
        self.began = self.began or time.perf_counter()

    def step(self, loss: float) -> None:
        self.steps, self.loss, self.ended = self.steps + 1, loss, time.perf_counter()

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def rows(count: int, fixed: int = 0) -> list[tuple[list[int], int]]:
    """Ids, and how many of them are the prompt's. `fixed`: the length of all, instead of KULLM's."""
    dice = random.Random(0)
    made = []
    for _ in range(count):
        length = fixed or min(CUTOFF, max(48, round(dice.lognormvariate(5.1, 0.72))))
        prompt = min(length - 8, dice.randint(45, 130))
        made.append(([dice.randrange(3, 30000) for _ in range(length)], prompt))
    return made


def facts_of(made: list[tuple[list[int], int]]) -> dict[str, float]:
    lengths = [len(ids) for ids, _ in made]
    labelled = sum(len(ids) - n for ids, n in made) / sum(lengths)
    return {"rows": len(made), "mean_length": round(mean(lengths), 1), "labelled_share": round(labelled, 3)}


def recipe_of(model: Path, batch: int, how: How) -> Any:
    from tests.trainer.examples import a_recipe
    from trainer.recipe import Method

    training: dict[str, Any] = {"micro_tokens": how.micro_tokens, "learning_rate": RATE, "epochs": 1, "batch": batch}
    return a_recipe(model, precision=how.weights, method=Method(kind="lora", rank=RANK, alpha=ALPHA), **training)


def _ours(model: Path, made: list[Ids], batch: int, how: How) -> Clock:
    import torch

    from tests.trainer.examples import Row, Rows, a_run
    from trainer.run import begin
    from trainer.side_by_side import workers_of
    from trainer.step import take_step

    examples = Rows(tuple(Row(tuple(ids), (False,) * n + (True,) * (len(ids) - n)) for ids, n in made))
    recipe = recipe_of(model, batch, how)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, _ranks(how.device) as ranks:
        workers = workers_of(recipe, ranks.device, torch.get_num_threads())
        run = a_run(recipe, Path(folder), rows=examples, workers=workers, ranks=ranks)
        assert run.forward.packs
        tokens = 64 if how.device == "cpu" else how.micro_tokens
        documents = [Row((5,) * min(CUTOFF, tokens), (True,) * min(CUTOFF, tokens))] * max(1, tokens // CUTOFF)
        with run.forward.attending():
            run.forward(run.forward.batch(documents)).backward()  # type: ignore[no-untyped-call]
        for parameter in run.parameters:
            parameter.grad = None
        state = begin(run)
        clock.begin()
        while state.step < state.total:
            taken = take_step(run, state)
            assert taken
            tally, facts = taken
            clock.tokens += int(tally.tokens)
            clock.step(facts["loss"])
    return clock


@contextmanager
def _ranks(device: str) -> Iterator[Any]:
    """Those of torchrun's variables, where whoever started this process set them."""
    import torch

    from trainer.ranks import Ranks, joined

    if "WORLD_SIZE" not in os.environ:
        yield Ranks(0, 1, torch.device(device))
        return
    with joined() as ranks:
        yield ranks


def lora_options() -> Any:
    import peft

    return peft.LoraConfig(r=RANK, lora_alpha=ALPHA, task_type="CAUSAL_LM")


def base_model(folder: Path, how: How) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"dtype": torch.float32 if how.weights == "fp32" else torch.bfloat16}
    if how.weights == "4bit":
        from tests.tiny_models import in_four_bits

        options = in_four_bits(torch.bfloat16)
    where = {} if how.device == "cpu" else {"device_map": {"": how.device}}
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa", **options, **where)


def _warm_with_adapter(folder: Path, how: How) -> Any:
    import peft
    import torch

    model = peft.get_peft_model(base_model(folder, how), lora_options())
    ids = torch.full(how.warming, 5, device=how.device)
    model(input_ids=ids, labels=ids).loss.backward()
    model.zero_grad(set_to_none=True)
    return model


def arguments_of(folder: str, batch: int, how: How) -> dict[str, Any]:
    grouped = {"train_sampling_strategy": "group_by_length"} if how.layout == "grouped" else {}
    return {
        "output_dir": folder,
        "per_device_train_batch_size": how.micro,
        "gradient_accumulation_steps": max(1, batch // how.micro),
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "warmup_steps": 0,
        "logging_steps": 1,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": how.device == "cpu",
        "bf16": how.autocast,
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        **grouped,
    }


def watching(clock: Clock) -> Any:
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.begin()

        def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any = None, **_more: Any) -> None:
            if "loss" in (logs or {}):
                clock.step(float(logs["loss"]))

    return Watching()


def _trainer(model: Path, made: list[Ids], batch: int, how: How) -> Clock:
    from transformers import PrinterCallback, Trainer, TrainingArguments

    from tests.trainer.oracle import padded_rows

    clock = Clock()
    data = [{"input_ids": ids, "labels": [-100] * n + ids[n:]} for ids, n in made]
    with tempfile.TemporaryDirectory() as folder:
        options = arguments_of(folder, batch, how) | {"remove_unused_columns": False}
        trainer = Trainer(
            model=_warm_with_adapter(model, how),
            args=TrainingArguments(**options),
            train_dataset=data,
            data_collator=lambda rows: counted(clock, rows, padded_rows(rows, END)),
            callbacks=[watching(clock)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock


def counted(clock: Clock, rows: list[dict[str, Any]], collated: Any) -> Any:
    clock.tokens += sum(len(row["input_ids"]) for row in rows)
    return collated


def _trl(model: Path, made: list[Ids], batch: int, how: How) -> Clock:
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    clock = Clock()
    data = Dataset.from_list([{"input_ids": ids, "completion_mask": [0] * n + [1] * (len(ids) - n)} for ids, n in made])
    with tempfile.TemporaryDirectory() as folder:
        options = arguments_of(folder, batch, how)
        options |= {"max_length": CUTOFF, "completion_only_loss": True}
        if how.layout == "packed":
            rows_of_a_batch = sum(len(ids) for ids, _ in made) / len(made) * batch / CUTOFF  # that hold its examples
            options |= {"packing": True, "gradient_accumulation_steps": max(1, round(rows_of_a_batch / how.micro))}
        sft = SFTTrainer(
            model=_warm_with_adapter(model, how),
            args=SFTConfig(**options),
            train_dataset=data,
            processing_class=AutoTokenizer.from_pretrained(model),
            callbacks=[watching(clock)],
        )
        collate = sft.data_collator
        sft.data_collator = lambda rows: counted(clock, rows, collate(rows))
        sft.train()
    return clock


if __name__ == "__main__":
    serve(Side())
