"""A study small enough for a test: two mixtures of a few rows, two steps of training, a handful of questions; all of it real."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator.answer_store import Answer, System, keep_answer
from evaluator.evaluation import Evaluation, keep_run
from evaluator.preparation import nobody
from evaluator.questions import load_questions
from evaluator.rubric import load_rubric
from evaluator.verdict_file import open_verdicts
from kullm_tui.core import paths
from kullm_tui.feedback import known_answers
from kullm_tui.studies import questions
from kullm_tui.studies.marks import put_mark
from kullm_tui.studies.stages import Plan, model_name

_MIXTURE = """
[steps]
decontaminate = []
paper = false
strict = false
duplicates = 0

[[sources]]
name = "demo"
rows = 24

[[sources]]
name = "demo-koalpaca"
rows = 24

[outputs]
long = ["demo"]
both = ["demo", "demo-koalpaca"]
"""
_STUDY = """
mixture = "parts.toml"
questions = "demo"
limit = 6
models = ["demo-base"]
decoding = "exact"
known = true
{more}

[[bases]]
name = "tiny"
recipe = "demo-kullm"
set = ["train.minutes=0", "train.max_steps={steps}", "train.batch=8", "model.precision=fp32", "data.evaluate=0", "train.samples=[]"]
"""


def small_study(folder: Path, *, more: str = "", steps: int = 2) -> Path:
    (folder / "parts.toml").write_text(_MIXTURE, encoding="utf-8")
    file = folder / "small.toml"
    file.write_text(_STUDY.format(more=more, steps=steps), encoding="utf-8")
    return file


_OWN = """
summary = "우리 데이터가 도움이 되는지"
mixture = "rows.toml"
questions = "questions.jsonl"
models = ["demo-base"]
decoding = "exact"
known = true

[[bases]]
name = "tiny"
recipe = "demo-kullm"
set = ["train.minutes=0", "train.max_steps=2", "model.precision=fp32", "data.evaluate=0", "train.samples=[]"]
"""
_OWN_MIXTURE = """
[steps]
decontaminate = []
paper = false
strict = false
duplicates = 0

[[sources]]
name = "rows"
file = "{rows}"
language = "ko"

[[sources]]
name = "more"
file = "{more}"
language = "ko"

[outputs]
rows = ["rows"]
both = ["rows", "more"]
"""


def own_study(folder: Path) -> Path:
    """Over files of rows that are not there yet."""
    mixture = _OWN_MIXTURE.format(rows=folder / "rows.jsonl", more=folder / "more.jsonl")
    (folder / "rows.toml").write_text(mixture, encoding="utf-8")
    asked = [{"id": str(one), "instruction": f"{one}의 수도는?", "accepted": ["서울"], "rejected": ["부산"]} for one in range(8)]  # fmt: skip
    (folder / "questions.jsonl").write_text(_lines(asked), encoding="utf-8")
    file = folder / "own.toml"
    file.write_text(_OWN, encoding="utf-8")
    return file


def bring_rows(folder: Path) -> None:
    for name in ("rows", "more"):
        rows = [
            {"instruction": f"{name} {one}의 수도는?", "output": f"{one}의 수도는 서울이에요."} for one in range(12)
        ]
        (folder / f"{name}.jsonl").write_text(_lines(rows), encoding="utf-8")


def as_if_trained(plan: Plan, right: Sequence[int]) -> None:
    """As an earlier run would have left it: adapters, each model's answers (so many of them right, in the plan's order), and their scores.
    What comes of the rows and the report is still to be made."""
    trained = plan.of("training")
    for one in trained:
        folder = paths.adapters_dir() / one.makes
        folder.mkdir(parents=True)
        (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    systems = [System(name, {"model": name}) for name in (*plan.study.models, *(model_name(plan.study, one) for one in trained))]  # fmt: skip
    asked = questions.asked_for(plan.study)
    evaluation = Evaluation(asked, load_questions(asked), tuple(systems), nobody(), load_rubric("kullm-2023-ko"), "kullm-2023-ko")  # fmt: skip
    with open_verdicts(print) as store:
        for system, count in zip(systems, right, strict=True):
            for place, question in enumerate(evaluation.questions.questions):
                said = "서울이에요." if place < count else "서울이 아니라 부산이에요."
                keep_answer(store, system, question, Answer(said))
        number = keep_run(evaluation, store)
        known_answers.graded(evaluation, store)
    for one in plan.of("training", "answers", "scores"):
        put_mark(plan.study.name, one, seconds=2.0, result={"run": number, "name": one.makes})


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
