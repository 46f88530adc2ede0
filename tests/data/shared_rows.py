"""Rows of the public data sets beside the project, as plainly as their files allow."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from data.row import Row, new_row
from kullm_tui.core.records import Message

SharedFile = Callable[[str], Path]


def pair(instruction: str, output: str, beside: str = "", source: str = "test", place: str = "") -> Row:
    return new_row(source, place, (Message("user", instruction, beside), Message("assistant", output)))


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def questions_ko(shared_file: SharedFile) -> list[tuple[str, str]]:
    return _questions(shared_file("kullm/user_oriented_instructions_eval.ko.jsonl"))


def questions_en(shared_file: SharedFile) -> list[tuple[str, str]]:
    return _questions(shared_file("self_instruct/user_oriented_instructions.en.jsonl"))


def _questions(path: Path) -> list[tuple[str, str]]:
    return [(one["instruction"], one["instances"][0]["input"]) for one in json_lines(path)]


def honest_rows(shared_file: SharedFile) -> Iterator[Row]:
    """Everything in the shared folder that is no evaluation set of the paper's."""
    for name in ("alpaca_gpt4/alpaca_en_demo.json", "alpaca/alpaca_tiny.json"):
        for one in json.loads(shared_file(name).read_text(encoding="utf-8")):
            yield pair(one["instruction"], one["output"], one["input"])
    for one in json_lines(shared_file("self_instruct/seed_tasks.jsonl")):
        yield pair(one["instruction"], one["instances"][0]["output"], one["instances"][0]["input"])
    for one in json_lines(shared_file("p3/ag_news_classify.jsonl")):
        yield pair(one["prompt"], one["completion"])
    for name in ("nlpai-lab-kullm-polyglot-12.8b-v2", "beomi-KoAlpaca-Polyglot-12.8B"):
        for one in json_lines(shared_file(f"komt/{name}.jsonl")):
            yield pair(one["instruction"], one["answer"])
    for tree in json_lines(shared_file("oasst/en_100_tree.jsonl")):
        for reply in tree["prompt"]["replies"]:
            yield pair(tree["prompt"]["text"], reply["text"])
    yield from _of_tables(shared_file)


def _of_tables(shared_file: SharedFile) -> Iterator[Row]:
    for cells in table(shared_file("flan/cot_strategyqa_train.tsv")):
        yield pair(cells[0], cells[-1])
    for name in ("BoolQ", "COPA", "HellaSwag", "SentiNeg", "WiC"):
        for cells in list(table(shared_file(f"kobest/{name}.test.tsv")))[1:]:
            yield pair(f"다음 글을 읽고 답하세요. {cells[-2]}", cells[-1], "\n".join(cells[:-2]))


def table(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
