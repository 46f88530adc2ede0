"""`kullm eval run`: answers first, each kept; then the cost, the verdicts, and the table."""

import argparse
import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

from evaluator.answer_store import System, imported_answers, keep_answer
from evaluator.answers import answer_questions
from evaluator.evaluation import (
    Evaluation,
    change_judge,
    evaluation_items,
    judges_itself,
    keep_run,
    refuse_same_names,
    results,
    without_reference,
)
from evaluator.judging import Outcome
from evaluator.questions import QuestionSet, load_questions
from evaluator.report import score_table
from evaluator.rounds import repeated
from evaluator.rubric import load_rubric
from evaluator.systems import answering_system
from evaluator.verdict_file import open_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.evaluate.table import show_table, table_facts
from kullm_tui.commands.judge import run as judging_run
from kullm_tui.commands.judge.run import agreed_judge
from kullm_tui.core import paths
from kullm_tui.core.asking.target import Target, start_engine
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import EngineGone, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import PAPER_DECODING
from kullm_tui.core.text import terminal_safe_json


def run_evaluation(args: argparse.Namespace) -> int:
    narration = Narration()
    names = [name.strip() for name in args.models.split(",") if name.strip()]
    if not names and not args.answers:
        raise UsageError(
            say(
                "평가할 모델을 -m으로, 또는 답을 --answers 이름=파일로 주세요.",
                "give models with -m, or answers with --answers NAME=FILE.",
            )
        )
    rubric = load_rubric(args.rubric)
    questions = load_questions(args.questions)
    config = load_config()
    decoding = PAPER_DECODING.request_fields() if args.decoding else {}
    answering = [answering_system(name, config, decoding) for name in names]
    judge = agreed_judge(args, rubric, "kullm eval run")  # before an hour of answers, not after
    with open_verdicts(narration.note) as store:
        imported = [system_from_file(store, questions, one) for one in args.answers]
        systems = [*(system for _, system in answering), *imported]
        refuse_same_names(systems)
        asked_for = (paths.lasting(args.questions), paths.lasting(args.rubric))
        evaluation = Evaluation(asked_for[0], questions, tuple(systems), judge, rubric, asked_for[1], args.repeats)
        _warn(evaluation, narration)
        for target, system in answering:
            _answer(store, questions, target, system, args, narration)
        number = keep_run(evaluation, store)
        rounds = repeated(evaluation_items(evaluation, store), args.repeats)
        outcome = judging_run.judged_in_rounds(
            rounds, judge=judge, rubric=rubric, store=store, args=args, narration=narration
        )
        narration.note(judging_run.spent_words(outcome))
        evaluation = change_judge(evaluation, outcome.judge, store, number)
        table = score_table(evaluation, results(evaluation, store))
    if args.json:
        print(terminal_safe_json({"run": number, **table_facts(table)}))
    else:
        show_table(table, number)
    spending.told_why(outcome.stopped)
    return _told_what_failed(outcome, narration)


def _warn(evaluation: Evaluation, narration: Narration) -> None:
    """What is known to be amiss before anything is spent."""
    for name in judges_itself(evaluation):
        narration.note(
            say(
                f"{name}: 채점자가 자기 답을 채점해요. 점수가 후할 수 있어요.",
                f"{name} judges itself: its scores may be generous.",
            )
        )
    if missing := without_reference(evaluation):
        narration.note(missing)


def _told_what_failed(outcome: Outcome, narration: Narration) -> int:
    """1 where a fault of the way cost scores, or nothing has any; what a judge said that cannot be read is the judge's."""
    if outcome.failed:
        narration.note(
            say(
                f"{len(outcome.verdicts):,}개 중 {outcome.failed:,}개를 오류로 채점하지 못했어요. "
                "같은 명령을 다시 하면 그것만 다시 물어요.",
                f"{outcome.failed:,} of {len(outcome.verdicts):,} could not be judged for errors. "
                "The same command asks for those alone again.",
            )
        )
    scored = sum(verdict.status == "ok" for verdict in outcome.verdicts.values())
    return 1 if outcome.failed or not scored else 0


def _answer(
    store: VerdictStore,
    questions: QuestionSet,
    target: Target,
    system: System,
    args: argparse.Namespace,
    narration: Narration,
) -> None:
    """Through the engine, started anew if it dies once, or an endpoint that somebody agreed to."""

    def told(count: int) -> None:
        narration.progress(
            say(
                f"{system.name}: 답 {count}/{len(questions.questions)}",
                f"{system.name}: {count}/{len(questions.questions)} answers",
            )
        )

    if target.endpoint:
        obtain_consent(target.endpoint, "kullm eval run", leaving="question", agreed_now=args.yes)
    for last in (False, True):
        endpoint = target.endpoint or start_engine(narration.progress)
        try:
            asyncio.run(answer_questions(questions, system, endpoint, store=store, told=told))
            break
        except EngineGone:
            if last:
                raise
    narration.clear()


def system_from_file(store: VerdictStore, questions: QuestionSet, text: str) -> System:
    name, _, file = text.partition("=")
    if not name or not file:
        raise UsageError(say("--answers는 이름=파일로 써요.", "--answers takes NAME=FILE."))
    try:
        content = paths.typed(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}") from error
    lines: Sequence[str] = content.split("\n")
    answers = imported_answers(lines, questions, file)
    system = System(name, {"file": Path(file).name, "sha256": hashlib.sha256(content.encode()).hexdigest()})
    for question in questions.questions:
        if question.id in answers:
            keep_answer(store, system, question, answers[question.id])
    return system
