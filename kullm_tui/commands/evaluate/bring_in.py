"""`kullm eval import`: verdicts that somebody has paid for already become a run with its table. Nothing is asked and nothing bought."""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

from evaluator.answer_store import Answer, System, keep_answer
from evaluator.evaluation import Evaluation, keep_run, results
from evaluator.imported_verdicts import BoughtFile, Placed, judge_named, placed, read_bought
from evaluator.judge import Judge
from evaluator.judge_choice import judge_address
from evaluator.judge_table import judge_parameters
from evaluator.questions import PUBLIC_SETS, QuestionSet, load_questions
from evaluator.report import score_table
from evaluator.rows import BadRows
from evaluator.rubric import Rubric, load_rubric
from evaluator.systems import imported_system
from evaluator.verdict_file import open_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.evaluate.table import show_table
from kullm_tui.commands.judge.arguments import add_choice
from kullm_tui.core import paths
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

_SHOWN = 8  # systems


def add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="[NAME=]FILE",
        help=say(
            "채점이 든 JSONL: FastChat의 gpt-4_single, 구름의 평가 결과, kullm의 items. 행에 시스템이 없으면 이름=파일",
            "JSON lines of verdicts: FastChat's gpt-4_single, KULLM's own, kullm's items; NAME= where rows name no system",
        ),
    )
    parser.add_argument(
        "--set", dest="questions", default=PUBLIC_SETS[0].name, metavar="S", help=say("질문 모음", "the questions")
    )
    parser.add_argument(
        "--answers",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help=say("채점된 답 (채점 파일에 없을 때, 여러 번)", "the answers that were judged, where the file lacks them"),
    )
    add_choice(parser)


def import_verdicts(args: argparse.Namespace) -> int:
    """1 where none of them holds scores."""
    from evaluator.preparation import answers_of_file
    from kullm_tui.commands.evaluate.run import answer_file

    narration = Narration()
    rubric, questions = load_rubric(args.rubric), load_questions(args.questions)
    files = _read(args.files, questions, rubric)
    judge = _judge(judge_named(files, args.judge_model), args, rubric)
    narration = Narration()
    with open_verdicts(narration.note) as store:
        given = [answers_of_file(answer_file(text), questions) for text in args.answers]
        systems = {one.name: one for one, _ in given}
        answers = {one.name: found for one, found in given}
        for file in files:
            for name, found in file.answers.items():
                systems.setdefault(name, imported_system(name, Path(file.name), file.sha256))
                answers[name] = {**found, **answers.get(name, {})}
        _refuse_strangers(files, answers)
        brought = _placed(files, answers, judge.model, rubric)
        _keep_answers(store, systems, answers, questions)
        new = sum(store.bring_in(one.verdicts, judge=judge, rubric=rubric) for one in brought)
        names = (paths.lasting(args.questions), paths.lasting(args.rubric))
        evaluation = Evaluation(names[0], questions, tuple(systems.values()), judge, rubric, names[1])
        number = keep_run(evaluation, store)
        table = score_table(evaluation, results(evaluation, store))
    show_table(table, number)
    for note in _notes(brought, new):
        narration.note(note)
    return 0 if any(one.statuses.get("ok") for one in brought) else 1


def _read(texts: list[str], questions: QuestionSet, rubric: Rubric) -> list[BoughtFile]:
    """All of them, or the faults of all."""
    files, faults = [], []
    for text in texts:
        name, given, path = text.partition("=")
        name, path = (name, path) if given and not paths.typed(text).exists() else ("", text)
        try:
            content = paths.typed(path).read_bytes()
            lines = content.decode("utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: {error}") from error
        digest = hashlib.sha256(content).hexdigest()
        try:
            files.append(read_bought(lines, questions, rubric, name=Path(path).name, sha256=digest, system=name))
        except BadRows as bad:
            faults.append(str(bad))
    if faults:
        raise BadRows("\n".join(faults))
    return files


def _judge(model: str, args: argparse.Namespace, rubric: Rubric) -> Judge:
    """As `kullm eval run` would ask it: what is brought in now is not bought then."""
    settings, model = judge_address(model, load_config().endpoints)
    mode = args.mode or rubric.mode
    return Judge(Endpoint(settings.name, settings.base_url), model, mode, judge_parameters(model))


def _refuse_strangers(files: list[BoughtFile], answers: Mapping[str, Mapping[str, Answer]]) -> None:
    """Where no verdict is about an answer that is here there is no table to make."""
    judged = {row.system for file in files for row in file.rows}
    if judged & answers.keys():
        return
    names = ", ".join(sorted(judged)[:_SHOWN])
    raise UsageError(
        say(
            f"채점된 답이 없어요. --answers 이름=파일로 주세요. 채점된 시스템: {names}",
            f"the answers that were judged are missing. Give --answers NAME=FILE; judged were: {names}",
        )
    )


def _placed(
    files: list[BoughtFile], answers: Mapping[str, Mapping[str, Answer]], judge: str, rubric: Rubric
) -> list[Placed]:
    found, faults = [], []
    for file in files:
        try:
            found.append(placed(file, answers, judge, rubric))
        except BadRows as bad:
            faults.append(str(bad))
    if faults:
        raise BadRows("\n".join(faults))
    return found


def _keep_answers(
    store: VerdictStore,
    systems: Mapping[str, System],
    answers: Mapping[str, Mapping[str, Answer]],
    questions: QuestionSet,
) -> None:
    for question in questions.questions:
        for name, system in systems.items():
            if question.id in answers[name]:
                keep_answer(store, system, question, answers[name][question.id])


def _notes(brought: list[Placed], new: int) -> list[str]:
    verdicts = sum(len(one.verdicts) for one in brought)
    notes = [
        say(
            f"채점 {new:,}개를 가져왔어요. 이미 있던 것 {verdicts - new:,}개. 아무것도 사지 않았어요.",
            f"{new:,} verdicts were brought in, {verdicts - new:,} were there already; nothing was bought.",
        )
    ]
    for count, words in (
        (
            sum(one.without_words for one in brought),
            say("채점이 없는 행(실패한 호출)", "rows without a verdict (failed calls)"),
        ),
        (
            sum(one.without_answers for one in brought),
            say("답을 주지 않은 시스템의 행", "rows of systems without answers"),
        ),
        (sum(one.other_judges for one in brought), say("다른 채점자의 행", "rows of other judges")),
        (
            sum(one.read_otherwise for one in brought),
            say("파일에 적힌 점수와 다르게 읽은 채점", "verdicts read otherwise than the file's own score"),
        ),
    ):
        if count:
            notes.append(f"{words}: {count:,}")
    return notes
