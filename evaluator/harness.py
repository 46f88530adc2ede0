"""lm-evaluation-harness against a server that speaks OpenAI's completions: its command line, its tokenizer's folder, its results.

    kullm ──starts──► python -P -m lm_eval ──/v1/completions, echo + logprobs──► `kullm serve`, or a server elsewhere

The harness is heavy, and some of its metrics are code that it fetches: it is a child process, never imported. It needs the model's
tokenizer to know where a question ends and the answer begins; token ids go over the wire, so both sides cut the text alike.
"""

import glob
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evaluator.statistics import Z95, Interval, wilson
from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError, MissingExtra, UsageError
from kullm_tui.core.language import say

KOBEST = ("kobest_boolq", "kobest_copa", "kobest_hellaswag", "kobest_sentineg", "kobest_wic")
_SETS = {"kobest": KOBEST, "klue": ("klue_nli", "klue_sts", "klue_ynat")}
_OURS = Path(__file__).with_name("harness_tasks")  # which the harness has not

_SHARES = ("acc", "acc_norm", "exact_match")  # each item counts as right or wrong
_TOKENIZER_FILES = (
    "tokenizer",
    "chat_template",
    "special_tokens",
    "added_tokens",
    "vocab",
    "merges",
    "config.json",
    "spiece",
    "sentencepiece",
)
_CHAT_TEMPLATE = "chat_template.jinja"
_SECONDS = 600  # for one answer, a long queue before it included
_TASK = re.compile(r"[\w./+-]+")
_AT_ONCE = 8
_DEEPEST = 4  # groups within groups


@dataclass(frozen=True)
class Asked:
    """One run of the harness."""

    tasks: tuple[str, ...]
    model: str  # as the server knows it
    base_url: str
    tokenizer: Path
    context: int
    shots: int | None = None
    limit: int | None = None
    chat: bool = False  # questions in the model's chat template, which the tokenizer's folder holds
    begins_with_bos: bool = False
    task_folder: Path | None = None


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    interval: Interval | None


@dataclass(frozen=True)
class TaskResult:
    task: str
    items: int
    shots: int
    version: str
    metrics: tuple[Metric, ...]


def require_harness() -> None:
    if find_spec("lm_eval") is None:
        raise MissingExtra(
            say(
                "lm-evaluation-harness가 더 필요해요. 설치: pip install 'kullm[harness]'",
                "This also needs lm-evaluation-harness. Install: pip install 'kullm[harness]'",
            )
        )


def checked_tasks(text: str) -> tuple[str, ...]:
    """`kobest` stands for its five, `klue` for three of its eight: the others are no choice among answers."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    tasks = tuple(dict.fromkeys(task for name in names for task in _SETS.get(name, (name,))))
    wrong = next((task for task in tasks if not _TASK.fullmatch(task) or task.startswith("-")), None)
    if wrong or not tasks:
        raise UsageError(
            say(
                f"과제의 이름이 아니에요: {wrong or text!r}. 예: --tasks kobest_boolq,kobest_copa",
                f"that is no task's name: {wrong or text!r}. Try --tasks kobest_boolq,kobest_copa",
            )
        )
    return tasks


def harness_command(asked: Asked, output: Path, cache: Path) -> list[str]:
    """The key is not in it: the harness takes it from OPENAI_API_KEY."""
    model_args = {
        "model": asked.model,
        "base_url": f"{asked.base_url.rstrip('/')}/completions",
        "tokenizer": str(asked.tokenizer),
        "tokenizer_backend": "huggingface",
        "tokenized_requests": True,
        "num_concurrent": _AT_ONCE,
        "max_length": asked.context,
        "add_bos_token": asked.begins_with_bos and not asked.chat,
        "timeout": _SECONDS,
    }
    command = [sys.executable, "-P", "-m", "lm_eval", "run", "--model", "local-completions"]
    command += [
        "--model_args",
        json.dumps(model_args, ensure_ascii=False),
        "--tasks",
        ",".join(map(_named, asked.tasks)),
    ]
    command += ["--output_path", str(output), "--use_cache", str(cache)]
    if asked.shots is not None:
        command += ["--num_fewshot", str(asked.shots)]
    if asked.limit is not None:
        command += ["--limit", str(asked.limit)]
    if asked.chat:
        command.append("--apply_chat_template")
    if asked.task_folder:
        command += ["--include_path", str(asked.task_folder)]
    return command


def _named(task: str) -> str:
    """As the harness finds it: one of its own by name, one of ours by its file, whose path it takes for a pattern."""
    file = _OURS / f"{task}.yaml"
    return glob.escape(str(file)) if file.is_file() else task


def harness_environment(key: str) -> dict[str, str]:
    """Nothing for this machine goes through a proxy: the harness asks whatever its environment names."""
    spared = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost")))
    return {
        **os.environ,
        "OPENAI_API_KEY": key,
        "NO_PROXY": spared,
        "no_proxy": spared,
        "TOKENIZERS_PARALLELISM": "false",
        "LMEVAL_LOG_LEVEL": "WARNING",
        # KoBEST's tasks name a metric that would be fetched as code and run, though the harness counts it by itself.
        "HF_EVALUATE_OFFLINE": "1",
    }


def write_tokenizer(source: Path, target: Path, chat_template: str) -> Path:
    """The model's tokenizer beside the template that it is really asked in; transformers reads both from one folder."""
    for file in source.iterdir():
        if file.is_file() and (file.name.startswith(_TOKENIZER_FILES) or file.suffix == ".model"):
            shutil.copyfile(file, target / file.name)
    if chat_template:
        (target / _CHAT_TEMPLATE).write_text(chat_template, encoding="utf-8")
    return target


def read_results(output: Path) -> list[TaskResult]:
    """What the harness wrote. KullmError where it wrote nothing that can be read."""
    files = sorted(output.rglob("results*.json"), key=lambda path: path.stat().st_mtime)
    try:
        table = foreign_json.read(files[-1])
        return [_result(task, row, table) for task, row in table["results"].items()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise KullmError(
            say(
                f"lm-evaluation-harness의 결과를 읽을 수 없어요({cause_of(error)}).",
                f"the results of lm-evaluation-harness cannot be read ({error!r}).",
            )
        ) from error


def _result(task: str, row: Mapping[str, Any], table: Mapping[str, Any]) -> TaskResult:
    items = _items(task, table)
    return TaskResult(
        task,
        items or sum(_items(one, table) for one in _below(task, table)),
        int(table.get("n-shot", {}).get(task) or 0),
        str(table.get("versions", {}).get(task, "")),
        tuple(_metrics(row, items)),
    )


def _items(task: str, table: Mapping[str, Any]) -> int:
    """Nothing is said of a group, which may weigh its tasks as it likes: its interval is by the standard error."""
    counted = table.get("n-samples", {}).get(task, {})
    return int(counted.get("effective") or counted.get("original") or 0)


def _below(task: str, table: Mapping[str, Any], depth: int = _DEEPEST) -> Iterator[str]:
    """A group's tasks, those of groups within it too."""
    for one in table.get("group_subtasks", {}).get(task, ()) if depth else ():
        yield one
        yield from _below(one, table, depth - 1)


def _metrics(row: Mapping[str, Any], items: int) -> Iterator[Metric]:
    """`acc,none` and its `acc_stderr,none`."""
    for key, value in row.items():
        name, _, kind = key.partition(",")
        if not kind or name.endswith("_stderr") or not isinstance(value, int | float):
            continue
        error = row.get(f"{name}_stderr,{kind}")
        label = name if kind == "none" else f"{name} ({kind})"
        yield Metric(label, float(value), _interval(name, float(value), error, items))


def _interval(name: str, value: float, error: object, items: int) -> Interval | None:
    """Wilson's where it is a share of right answers; else by the standard error, where there is one."""
    if name in _SHARES and items:
        return wilson(round(value * items), items)
    if isinstance(error, int | float) and not isinstance(error, bool) and math.isfinite(error):
        return Interval(value - Z95 * error, value + Z95 * error)
    return None


def result_lines(results: Sequence[TaskResult]) -> list[list[str]]:
    lines = [[say("과제", "task"), say("지표", "metric"), say("값", "value"), "95 %", "n", "shots"]]
    for one in results:
        for place, metric in enumerate(one.metrics):
            span = f"{metric.interval.low:.3f}–{metric.interval.high:.3f}" if metric.interval else "–"
            first = [one.task] if place == 0 else [""]
            lines.append([*first, metric.name, f"{metric.value:.3f}", span, str(one.items), str(one.shots)])
    return lines
