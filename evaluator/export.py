"""A run's report as files in one folder: the table in Markdown and CSV, the figure (with the extra `plot`), every item with its verdict and ratings.

table.md   table.csv   figure.svg   provenance.json   items.jsonl   ratings.jsonl (what `kullm eval agreement` reads; where people rated)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluator.answer_store import Answer
from evaluator.evaluation import Evaluation, SystemResult
from evaluator.figure import figure_bytes
from evaluator.people import Ratings
from evaluator.provenance import provenance_lines
from evaluator.questions import Question
from evaluator.report import Table, csv_text, markdown, score_table
from evaluator.unscored import reason_of_missing
from evaluator.verdict import Verdict
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError, MissingExtra
from kullm_tui.core.files import publish_bytes
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe_json

_READABLE = 0o644


@dataclass(frozen=True)
class Report:
    files: tuple[Path, ...]
    without_figure: str = ""  # why it is not among them, and how to get it


def write_report(
    folder: Path,
    evaluation: Evaluation,
    results: Sequence[SystemResult],
    ratings: Ratings,
    origin: Mapping[str, Any],
) -> Report:
    """The files that were written, with `origin`, where their numbers come from, in two of them; those of an earlier report of the same folder are replaced."""
    table = score_table(evaluation, results)
    figure, without_figure = _figure(table)
    texts: dict[str, str | bytes] = {
        "table.md": with_provenance(markdown(table), origin),
        "provenance.json": f"{terminal_safe_json(origin)}\n",
        "table.csv": csv_text(table),
        **figure,
        "items.jsonl": _lines(item_facts(evaluation, results)),
    }
    if ratings:
        texts["ratings.jsonl"] = _lines(_ratings(ratings))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            publish_bytes(folder / name, text if isinstance(text, bytes) else text.encode(), mode=_READABLE)
    except OSError as error:
        raise KullmError(
            say(
                f"{folder}에 쓸 수 없어요({cause_of(error)}). 다른 폴더를 주세요.",
                f"{folder} cannot be written to ({cause_of(error)}). Give another folder.",
            )
        ) from error
    return Report(tuple(folder / name for name in texts), without_figure)


def _figure(table: Table) -> tuple[dict[str, bytes], str]:
    """The file, or why there is none."""
    try:
        return {"figure.svg": figure_bytes(table, "svg")}, ""
    except MissingExtra as missing:
        return {}, str(missing)


def with_provenance(report: str, origin: Mapping[str, Any]) -> str:
    return "\n".join([report, *provenance_lines(origin), ""])


def item_facts(evaluation: Evaluation, found: Sequence[SystemResult]) -> Iterator[dict[str, Any]]:
    """Question by question, so that the systems' answers to one stand together."""
    for question in evaluation.questions.questions:
        for one in found:
            answer = one.answers.get(question.id)
            verdict = one.verdicts.get(question.id) or one.others.get(question.id)
            yield _facts(question, one.system.name, answer, verdict)


def _facts(question: Question, system: str, answer: Answer | None, verdict: Verdict | None) -> dict[str, Any]:
    return {
        "id": question.id,
        "system": system,
        "status": verdict.status if verdict else "missing",
        "scores": dict(verdict.scores) if verdict else {},
        "text": verdict.text if verdict else "",
        "reason": verdict.reason if verdict else reason_of_missing(answered=answer is not None),
        "model": verdict.model if verdict else "",
        "answered_by": verdict.answered_by if verdict else "",
        "rubric": verdict.rubric if verdict else "",
        "cost": verdict.cost if verdict else None,
        "flags": list(verdict.flags) if verdict else [],
        "asked": verdict.repeat + 1 if verdict else 0,
        "each": [dict(one) for one in verdict.askings] if verdict else [],
        "by_hand": {"reader": verdict.by_hand, "when": _when(verdict.created)} if verdict and verdict.by_hand else None,
        "imported": verdict.imported if verdict else "",
        "fault": answer.fault(question) if answer else "missing",
        "category": question.category,
        "turn": question.turn,
        "before": list(question.before),
        "reference": question.right_answer,
        "instruction": question.instruction,
        "input": question.input,
        "response": answer.response if answer else None,
    }


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _ratings(ratings: Ratings) -> Iterator[dict[str, Any]]:
    for (system, question), given in ratings.items():
        for rater, scores in given.items():
            yield {"id": question, "model": system, "rater": rater, "scores": dict(scores)}


def _lines(rows: Iterator[dict[str, Any]]) -> str:
    return "".join(f"{terminal_safe_json(row)}\n" for row in rows)
