"""`kullm eval items`: each answer of an evaluation, its verdict and the judge's own words, to read or to work on elsewhere."""

from collections.abc import Iterator, Sequence
from typing import Any

from evaluator.answer_store import Answer
from evaluator.evaluation import Evaluation, SystemResult
from evaluator.questions import Question
from evaluator.verdict import Verdict
from kullm_tui.commands.columns import aligned
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_SHOWN = 60


def show_items(evaluation: Evaluation, found: Sequence[SystemResult], *, as_json: bool) -> int:
    if as_json:
        for facts in item_facts(evaluation, found):
            print(terminal_safe_json(facts))
        return 0
    overall = evaluation.rubric.criteria[-1].name
    heading = ["id", say("모델", "model"), overall, say("답", "answer"), say("표시", "flags")]
    lines = [heading, *(_line(facts, overall) for facts in item_facts(evaluation, found))]
    for line in aligned(lines, right=(2,)):
        print(terminal_safe(line))
    return 0


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
        "reason": verdict.reason if verdict else "",
        "model": verdict.model if verdict else "",
        "answered_by": verdict.answered_by if verdict else "",
        "rubric": verdict.rubric if verdict else "",
        "cost": verdict.cost if verdict else None,
        "flags": list(verdict.flags) if verdict else [],
        "fault": answer.fault(question) if answer else "missing",
        "instruction": question.instruction,
        "input": question.input,
        "response": answer.response if answer else None,
    }


def _line(facts: dict[str, Any], overall: str) -> list[str]:
    score = facts["scores"].get(overall)
    response = " ".join((facts["response"] or "").split())
    shown = response if len(response) <= _SHOWN else f"{response[:_SHOWN]}…"
    flags = ", ".join([*([facts["fault"]] if facts["fault"] else []), *facts["flags"]])
    return [facts["id"], facts["system"], facts["status"] if score is None else str(score), shown, flags]
