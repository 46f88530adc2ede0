"""Answers graded by what is known to be right, as verdicts that no judge gave: for the table, the figure and the tests of any judge's."""

from collections.abc import Mapping
from dataclasses import replace

from evaluator.answer_store import Answer, kept_answers
from evaluator.evaluation import Evaluation, SystemResult
from evaluator.rubric import Criterion, Rubric
from evaluator.verdict import Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.feedback.held_out import HeldOut, KnownAnswer, held_out

GRADER = "known-answers (offline)"  # stands where a judge's name would, so that no table can be taken for a judge's
_RIGHT = Criterion("정답", 0, 1)
RUBRIC = Rubric(
    name="known-answers",
    title="정답 대조",
    language="ko",
    mode="paper",
    system="",
    user="",
    criteria=(_RIGHT,),
    source="accepted and rejected of the questions' own file; no model was asked",
)


def graded(evaluation: Evaluation, store: VerdictStore) -> tuple[Evaluation, list[SystemResult]]:
    """The evaluation as this grader's, and each system's answers with 1 or 0. UsageError where no right answers are known."""
    held = require_known(evaluation)
    questions = evaluation.questions.questions
    found = []
    for system in evaluation.systems:
        answers = kept_answers(store, system, questions)
        found.append(SystemResult(system, answers, _verdicts(answers, held.known)))
    return replace(evaluation, judge=replace(evaluation.judge, endpoint=Endpoint("", ""), model=GRADER), rubric=RUBRIC), found  # fmt: skip


def require_known(evaluation: Evaluation) -> HeldOut:
    """What is right for each of its questions; UsageError where that is not known of all."""
    held = held_out(evaluation.set_name)
    unknown = [one.id for one in evaluation.questions.questions if one.id not in held.known]
    if unknown:
        raise UsageError(
            say(
                f"{evaluation.set_name}: 질문 {len(unknown):,}개에 정답(accepted)이 없어서 --known으로 채점할 수 없어요.",
                f"{evaluation.set_name}: {len(unknown):,} questions have no `accepted`, so --known cannot grade them.",
            )
        )
    return held


def _verdicts(answers: Mapping[str, Answer], known: Mapping[str, KnownAnswer]) -> dict[str, Verdict]:
    return {
        question: Verdict(
            question,
            "ok",
            {_RIGHT.name: float(known[question].grades(answer.response))},
            model=GRADER,
            rubric=RUBRIC.name,
            criteria=RUBRIC.criteria,
        )
        for question, answer in answers.items()
    }
