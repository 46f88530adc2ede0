"""`kullm eval run`: a run prepared, agreed to, and brought to its table; how far it is meanwhile."""

import argparse
import asyncio

from evaluator.cost import Budget
from evaluator.evaluation import Evaluation, keep_run, results
from evaluator.judging import mode_note
from evaluator.preparation import Pick, Prepared, Preparing, Wishes, keep_imported
from evaluator.report import score_table
from evaluator.running import Progress, run_evaluation
from evaluator.verdict_file import open_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.evaluate.table import show_table, table_facts
from kullm_tui.commands.judge import arguments as judge_arguments
from kullm_tui.commands.judge.run import spent_words, tell_handed_in, told_what_goes_on, watched
from kullm_tui.core.asking.target import split_adapter, start_engine
from kullm_tui.core.config.settings import Config, load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from kullm_tui.feedback import known_answers

_COMMAND = "kullm eval run"


def run(args: argparse.Namespace) -> int:
    narration = Narration()
    config = load_config()
    wishes = _wishes(args, config)
    with open_verdicts(narration.note) as store:
        prepared = Preparing(config, store).prepared(wishes, fetch=True)
        for warning in prepared.warnings:
            narration.note(warning)
        if args.known:
            known_answers.require_known(prepared.evaluation)
        _agree(prepared, args, narration)  # before an hour of answers, not after
        keep_imported(prepared, store)
        number, progress = 0 if args.answers_only else keep_run(prepared.evaluation, store), Progress()
        evaluation = _conduct(prepared, number, progress, store, args, narration)
        if args.answers_only:
            return _told_answers(progress, narration, as_json=args.json)
        graded, found = (
            known_answers.graded(evaluation, store) if args.known else (evaluation, results(evaluation, store))
        )
        table = score_table(graded, found)
    if args.json:
        print(terminal_safe_json({"run": number, **table_facts(table)}))
    else:
        show_table(table, None if args.known else number)
    return _told_what_failed(progress, narration, any(row.scored for row in table.rows))


def answer_file(text: str) -> Pick:
    """NAME=FILE, as --answers takes it."""
    name, _, file = text.partition("=")
    if not name or not file:
        raise UsageError(say("--answers는 이름=파일로 써요.", "--answers takes NAME=FILE."))
    return Pick(file=file, name=name)


def _wishes(args: argparse.Namespace, config: Config) -> Wishes:
    names = [name.strip() for name in args.models.split(",") if name.strip()]
    if not names and not args.answers:
        raise UsageError(
            say(
                "평가할 모델을 -m으로, 또는 답을 --answers 이름=파일로 주세요.",
                "give models with -m, or answers with --answers NAME=FILE.",
            )
        )
    picks = [Pick(*split_adapter(name, config.endpoints)) for name in names]
    return Wishes(
        args.questions,
        (*picks, *map(answer_file, args.answers)),
        decoding=args.decoding,
        rubric=args.rubric,
        judge=None if args.known or args.answers_only else args.judge_model,
        limit=args.max_cost,
        mode=args.mode,
        repeats=args.repeats,
        in_batches=args.batch,
    )


def _agree(prepared: Prepared, args: argparse.Namespace, narration: Narration) -> None:
    """To whom text goes, and to what it may cost."""
    for endpoint, leaving in prepared.leaving:
        obtain_consent(endpoint, _COMMAND, leaving=leaving, agreed_now=args.yes)
    if prepared.plan.unsaid:
        tell_handed_in(prepared.plan.unsaid, narration)
    if prepared.plan.estimate:
        spending.agree(prepared.plan.estimate, prepared.evaluation.judge.model, args, narration)


def _conduct(
    prepared: Prepared,
    number: int,
    progress: Progress,
    store: VerdictStore,
    args: argparse.Namespace,
    narration: Narration,
) -> Evaluation:
    """To its end, and how far it is told meanwhile."""
    budget = prepared.budget
    work = run_evaluation(
        prepared.evaluation,
        prepared.targets,
        number=number,
        store=store,
        budget=budget,
        progress=progress,
        start_engine=start_engine,
        calls=judge_arguments.calls_of(args, load_config().judging),
        in_batches=prepared.in_batches,
    )
    with told_what_goes_on(store, narration):
        evaluation = asyncio.run(watched(work, lambda: _line(prepared, progress, budget), narration))
    narration.clear()
    if progress.outcome and (note := mode_note(prepared.evaluation.judge, progress.outcome)):
        narration.note(note)
    return evaluation


def _line(prepared: Prepared, progress: Progress, budget: Budget) -> str:
    if progress.stage == "answers":
        count = f"{progress.answers.get(progress.now, 0)}/{prepared.plan.questions}"
        parts = [say(f"{progress.now}: 답 {count}", f"{progress.now}: {count} answers"), progress.waiting]
    else:
        calls = (prepared.plan.estimate.calls if prepared.plan.estimate else 0) + prepared.plan.handed_in
        counted = f"{progress.done:,}/{calls:,}  ${budget.spent:.4f}"
        parts = [f"{say('채점 중', 'judging')} … {counted}", progress.under_way.words, progress.waiting]
    return " · ".join(part for part in parts if part)


def _told_answers(progress: Progress, narration: Narration, *, as_json: bool) -> int:
    """How many each system gave. They are kept by what was asked of whom; there is no run to look at."""
    if as_json:
        print(terminal_safe_json({"answers": progress.answers}))
    else:
        for name, count in progress.answers.items():
            print(terminal_safe(f"{name}  {count:,}"))
    return _told_what_failed(progress, narration, any(progress.answers.values()))


def _told_what_failed(progress: Progress, narration: Narration, any_came: bool) -> int:
    """1 where a fault of the way cost scores, or nothing has any; what a judge said that cannot be read is the judge's."""
    verdicts = progress.outcome.verdicts.values() if progress.outcome else ()
    if progress.outcome:
        narration.note(spent_words(progress.outcome))
    if progress.failed:
        narration.note(
            say(
                f"{len(verdicts):,}개 중 {progress.failed:,}개를 오류로 채점하지 못했어요. "
                "같은 명령을 다시 하면 그것만 다시 물어요.",
                f"{progress.failed:,} of {len(verdicts):,} could not be judged for errors. "
                "The same command asks for those alone again.",
            )
        )
    for name, failure in progress.failures.items():
        narration.note(say(f"{name}: 답을 다 받지 못했어요. {failure}", f"{name}: not every answer came. {failure}"))
    spending.told_why(progress.stopped or next(iter(progress.failures.values()), None))
    return 1 if progress.failed or not any_came else 0
