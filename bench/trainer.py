"""Real tokens a second and peak memory of LoRA fine-tuning: this project's loop beside transformers' Trainer and TRL's SFTTrainer.

    python bench/trainer.py [--precision bf16|fp32] [--repetitions N] [--out FILE.json] [--sides ours,trl-packed,…]

One random GPT-NeoX of about 40 million parameters with Polyglot's vocabulary; lengths as KULLM's rows have them (mean near 208, cut at
512); the same rows, batch, adapter, precision and threads on every side. Each measurement is a process of its own; repetitions are interleaved.
The peers run at their best: no gradient checkpointing, padded, grouped by length, and packed (each row alone, or several flattened).
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
VOCABULARY, WIDTH, LAYERS, HEADS = 30080, 384, 10, 6
BATCH, CUTOFF = 16, 512
WARM_STEPS = 1
STEPS = int(os.environ.get("KULLM_BENCH_STEPS", "3"))  # that are measured
RATE, RANK, ALPHA = 3e-4, 16, 32
SIDES = ("ours", "trainer", "trainer-grouped", "trl-padded", "trl-grouped", "trl-packed-1", "trl-packed-4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--sides", default=",".join(SIDES))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, str(PROJECT))
    if arguments.side:
        print(json.dumps(measured(arguments.side, arguments.model, arguments.precision)))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KULLM_HOME"] = f"{folder}/home"
        model = save_model(Path(folder) / "model", arguments.precision)
        results = interleaved(arguments, model)
    print(table(results, arguments.precision))


def write_report(results: dict[str, list[dict[str, Any]]], arguments: argparse.Namespace) -> None:
    """After every measurement: a run that is cut short has reported what it measured."""
    report = {"commit": _commit(), "cpu": _cpu(), "settings": settings(arguments.precision), "results": results}
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


def interleaved(arguments: argparse.Namespace, model: Path) -> dict[str, list[dict[str, Any]]]:
    sides = arguments.sides.split(",")
    results: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(arguments.repetitions):
        for side in sides:
            command = [sys.executable, "-P", "-W", "ignore", __file__, "--side", side, "--model", str(model)]
            done = subprocess.run([*command, "--precision", arguments.precision], capture_output=True, text=True)
            if done.returncode:
                print(f"{side}: {done.stderr[-600:]}", file=sys.stderr)
                continue
            results[side].append(json.loads(done.stdout.splitlines()[-1]))
            print(side, results[side][-1], file=sys.stderr)
            write_report(results, arguments)
    return results


def save_model(folder: Path, precision: str) -> Path:
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    from tests.tiny_models import save_tokenizer

    torch.manual_seed(0)
    config = GPTNeoXConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        rotary_pct=0.25,
        max_position_embeddings=2048,
        eos_token_id=2,
        bos_token_id=None,
        pad_token_id=2,
        tie_word_embeddings=False,
    )
    model = GPTNeoXForCausalLM(config).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def rows() -> list[tuple[list[int], int]]:
    """Ids, and how many of them are the prompt's."""
    dice = random.Random(0)
    made = []
    for _ in range(BATCH * (WARM_STEPS + STEPS)):
        length = min(CUTOFF, max(48, round(dice.lognormvariate(5.1, 0.72))))
        prompt = min(length - 8, dice.randint(45, 130))
        made.append(([dice.randrange(3, 30000) for _ in range(length)], prompt))
    return made


def measured(side: str, model: Path, precision: str) -> dict[str, Any]:
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(os.cpu_count() or 1)
    sides: dict[str, Callable[..., Any]] = {"ours": _ours, "trainer": _trainer, "trl": _trl}
    stops = sides[side.partition("-")[0]](side, model, precision)
    from trainer.memory import peak_bytes

    spent = stops[-1][0] - stops[WARM_STEPS - 1][0]
    tokens = stops[-1][1] - stops[WARM_STEPS - 1][1]
    peak = peak_bytes(torch.device("cpu"))
    return {"tokens_per_s": round(tokens / spent, 1), "peak_bytes": peak, "loss": round(stops[-1][2], 3)}


Stops = list[tuple[float, int, float]]  # after each step: time, real tokens so far, loss


def _ours(_: str, model: Path, precision: Any) -> Stops:
    from tests.trainer.examples import Row, Rows, a_job, a_recipe
    from trainer.job import begin
    from trainer.recipe import Method
    from trainer.step import take_step

    examples = Rows(tuple(Row(tuple(ids), (False,) * n + (True,) * (len(ids) - n)) for ids, n in rows()))
    method = Method(kind="lora", rank=RANK, alpha=ALPHA)
    recipe = a_recipe(
        model, precision=precision, method=method, batch=BATCH, micro_tokens=4096, learning_rate=RATE, epochs=1
    )
    with tempfile.TemporaryDirectory() as folder:
        job = a_job(recipe, Path(folder), rows=examples)
        assert job.forward.packs
        course, stops, tokens = begin(job), [], 0
        for _step in range(WARM_STEPS + STEPS):
            tally, facts = take_step(job, course)
            tokens += int(tally.tokens)
            stops.append((time.perf_counter(), tokens, facts["loss"]))
    return stops


def _with_adapter(model: Path) -> Any:
    import peft
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model, dtype="auto", attn_implementation="sdpa")
    return peft.get_peft_model(base, peft.LoraConfig(r=RANK, lora_alpha=ALPHA, task_type="CAUSAL_LM"))


def _arguments(folder: str, side: str) -> dict[str, Any]:
    grouped = {"train_sampling_strategy": "group_by_length"} if side.endswith("grouped") else {}
    return {
        "output_dir": folder,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": BATCH // 8,
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "warmup_steps": 0,
        "logging_steps": 1,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
        "bf16": False,  # the base's weights are bf16 already: autocast only costs
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        **grouped,
    }


def _watching(stops: Stops, tokens_of: Callable[[int], int]) -> Any:
    from transformers import TrainerCallback

    class Watching(TrainerCallback):  # type: ignore[misc]
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_more: Any) -> None:
            if "loss" in (logs or {}):
                stops.append((time.perf_counter(), tokens_of(state.global_step), float(logs["loss"])))

    return Watching()


def _trainer(side: str, model: Path, _precision: str) -> Stops:
    from transformers import Trainer, TrainingArguments

    counted = _Counted()
    data = [{"input_ids": ids, "labels": [-100] * n + ids[n:]} for ids, n in rows()]
    stops: Stops = []
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=_with_adapter(model),
            args=TrainingArguments(**_arguments(folder, side)),
            train_dataset=data,
            data_collator=counted,
            callbacks=[_watching(stops, lambda _: counted.until(len(stops) + 1))],
        ).train()
    return stops


class _Counted:
    """Pads to the longest row, and counts the real tokens of each step as it goes."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, batch: list[dict[str, list[int]]]) -> dict[str, Any]:
        import torch

        width = max(len(row["input_ids"]) for row in batch)
        self.batches.append(sum(len(row["input_ids"]) for row in batch))

        def filled(name: str, value: int) -> torch.Tensor:
            return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in batch])

        mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in batch])
        return {"input_ids": filled("input_ids", 2), "labels": filled("labels", -100), "attention_mask": mask}

    def until(self, step: int) -> int:
        return sum(self.batches[: step * (BATCH // 8)])


def _trl(side: str, model: Path, _precision: str) -> Stops:
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    made = rows()
    data = Dataset.from_list([{"input_ids": ids, "completion_mask": [0] * n + [1] * (len(ids) - n)} for ids, n in made])
    stops: Stops = []
    real = sum(len(ids) for ids, _ in made)
    with tempfile.TemporaryDirectory() as folder:
        options = _arguments(folder, side) | {"max_length": CUTOFF, "completion_only_loss": True}
        del options["remove_unused_columns"]
        if "packed" in side:
            each = int(side[-1])
            filled = real / (BATCH * (WARM_STEPS + STEPS)) * BATCH / CUTOFF  # packed rows that hold a batch's examples
            options |= {"packing": True, "per_device_train_batch_size": each}
            options["gradient_accumulation_steps"] = max(1, round(filled / each))
        tokenizer = AutoTokenizer.from_pretrained(model)
        sft = SFTTrainer(
            model=_with_adapter(model), args=SFTConfig(**options), train_dataset=data, processing_class=tokenizer
        )
        seen = _count_real_tokens(sft)
        each_step = sft.args.gradient_accumulation_steps
        sft.add_callback(_watching(stops, lambda _: sum(seen[: (len(stops) + 1) * each_step])))
        sft.train()
    return stops


def _count_real_tokens(sft: Any) -> list[int]:
    """Of each micro-batch, padding left out."""
    seen: list[int] = []
    collate = sft.data_collator

    def counting(batch: list[dict[str, Any]]) -> Any:
        seen.append(sum(len(row["input_ids"]) for row in batch))
        return collate(batch)

    sft.data_collator = counting
    return seen


def settings(precision: str) -> dict[str, Any]:
    lengths = [len(ids) for ids, _ in rows()]
    labelled = sum(len(ids) - n for ids, n in rows()) / sum(lengths)
    return {
        "model": f"GPT-NeoX {LAYERS} layers, width {WIDTH}, vocabulary {VOCABULARY}",
        "precision": precision,
        "batch": BATCH,
        "steps": STEPS,
        "mean_length": round(mean(lengths), 1),
        "cut_at": CUTOFF,
        "labelled_share": round(labelled, 3),
        "threads": os.cpu_count(),
    }


def table(results: dict[str, list[dict[str, Any]]], precision: str) -> str:
    lines = [f"{precision:16} tokens/s    ours/it   peak MB   ours/it"]
    ours = results.get("ours") or []
    for side, runs in results.items():
        if not runs:
            continue
        speed, peak = (mean(run[key] for run in runs) for key in ("tokens_per_s", "peak_bytes"))
        ratios = [mean(run[key] for run in ours) if ours else 0 for key in ("tokens_per_s", "peak_bytes")]
        lines.append(f"{side:16} {speed:8,.0f} {ratios[0] / speed:9.2f}x {peak / 1e6:9,.0f} {ratios[1] / peak:8.2f}x")
    return "\n".join(lines)


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True)
    return done.stdout.strip()


def _cpu() -> str:
    named = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{named[0].partition(': ')[2]}, {os.cpu_count()} threads" if named else platform.processor()


if __name__ == "__main__":
    main()
