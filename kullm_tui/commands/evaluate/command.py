"""`kullm eval`: its verbs, from a run to the paper's table and figure."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from evaluator.chart import chart_rows
from evaluator.decodings import DECODINGS
from evaluator.evaluation import load_run, results
from evaluator.export import with_provenance
from evaluator.figure import figure_bytes
from evaluator.provenance import provenance
from evaluator.question_fetch import PUBLIC_SETS
from evaluator.report import (
    Table,
    csv_text,
    markdown,
    score_table,
    table_notes,
)
from evaluator.runs import latest_number
from evaluator.verdict_file import open_verdicts
from kullm_tui.commands.cli.arguments import whole
from kullm_tui.commands.cli.plot import plot_width, print_plot
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.evaluate.again import add_rescore, add_retry, rescore, retry
from kullm_tui.commands.evaluate.agreement import add_agreement, show_agreement
from kullm_tui.commands.evaluate.batches import add_batches, show_batches
from kullm_tui.commands.evaluate.before_after import add_before_after, compare
from kullm_tui.commands.evaluate.bring_in import add_import, import_verdicts
from kullm_tui.commands.evaluate.harness import add_harness, run_harness
from kullm_tui.commands.evaluate.items import show_items
from kullm_tui.commands.evaluate.list import add_list, show_runs
from kullm_tui.commands.evaluate.panel import add_panel, show_panel
from kullm_tui.commands.evaluate.table import show_table, table_facts, text_lines
from kullm_tui.commands.evaluate.win import add_win, show_win_rates
from kullm_tui.commands.judge.arguments import MOST_REPEATS, add_batch
from kullm_tui.commands.judge.command import add_judge_arguments
from kullm_tui.core import paths
from kullm_tui.core.files import publish, publish_bytes
from kullm_tui.core.language import say
from kullm_tui.core.plot.file import form_of
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_WITHOUT_A_RUN = ("run", "batches", "before-after", "import", "list", "panel", "harness")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    for name, (words, add) in _verbs().items():
        action = actions.add_parser(name, help=words)
        if name not in _WITHOUT_A_RUN:
            action.add_argument(
                "--run",
                type=int,
                metavar="N",
                help=say("평가의 번호 (없으면 마지막)", "the evaluation's number; else the last"),
            )
        add(action)


def _verbs() -> Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]]:
    """What each verb does, in a line, and what adds its arguments."""
    return {
        "run": (say("답을 받고 채점해요 (이어서 할 수 있어요)", "answer and judge; resumes"), _add_run),
        "batches": (
            say(
                "배치로 맡겨 두고 기다리는 채점 (그만둘 수 있어요)",
                "verdicts handed in as batches; they can be given up",
            ),
            add_batches,
        ),
        "before-after": (
            say("학습이 무엇을 바꾸었는지, 나빠진 것부터", "what a training changed, what got worse first"),
            add_before_after,
        ),
        "import": (
            say("이미 받아 둔 채점을 가져와요 (사지 않아요)", "bring in verdicts that were bought elsewhere"),
            add_import,
        ),
        "list": (say("해 둔 평가와 그 번호", "the evaluations there are, with their numbers"), add_list),
        "table": (say("논문의 표", "the paper's table"), _add_table),
        "plot": (say("논문의 그림 1 (0–100)", "the paper's Figure 1, on 0–100"), _add_plot),
        "items": (say("답 하나하나와 채점자의 말", "each answer with the judge's words"), _add_items),
        "retry": (
            say("읽을 수 없던 채점을 다시 물어요", "ask again for verdicts that could not be read"),
            add_retry,
        ),
        "rescore": (
            say("읽을 수 없던 채점의 점수를 사람이 적어요", "put down scores for verdicts that could not be read"),
            add_rescore,
        ),
        "win": (
            say("한 시스템을 기준으로 한 승률 (둘씩 비교해요)", "win rates against a baseline, pair by pair"),
            add_win,
        ),
        "panel": (
            say("채점자가 다른 평가들을 한 패널로 묶어요", "several judges' evaluations as one panel"),
            add_panel,
        ),
        "agreement": (say("사람의 점수와 얼마나 맞는지", "agreement with people's ratings"), add_agreement),
        "harness": (
            say(
                "KoBEST 등 객관식 과제 (lm-evaluation-harness)",
                "KoBEST and other multiple-choice tasks (lm-evaluation-harness)",
            ),
            add_harness,
        ),
    }


def _add_table(table: argparse.ArgumentParser) -> None:
    table.add_argument(
        "--format", choices=["text", "markdown", "csv", "json"], default="text", help=say("형식", "the form")
    )
    _add_out(table)


def _add_plot(plot: argparse.ArgumentParser) -> None:
    plot.add_argument("--font", metavar="FILE", help=say("그림에 쓸 한글 글꼴 파일", "the figure's font, with Hangul"))
    _add_out(plot)


def _add_out(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--out",
        metavar="FILE",
        help=say("파일로 저장해요 (그림은 .svg, .png, .pdf)", "write to a file (.svg, .png or .pdf for the plot)"),
    )


def _add_items(items: argparse.ArgumentParser) -> None:
    items.add_argument("--json", action="store_true", help=say("한 답에 JSON 하나", "one JSON object an answer"))


def _add_run(run: argparse.ArgumentParser) -> None:
    names = ", ".join(one.name for one in PUBLIC_SETS)
    run.add_argument(
        "--set",
        dest="questions",
        default=PUBLIC_SETS[0].name,
        metavar="S",
        help=say(f"질문 모음: {names}, 파일.jsonl", f"the questions: {names}, FILE.jsonl"),
    )
    run.add_argument(
        "-m",
        "--models",
        default="",
        metavar="A,B,C",
        help=say("평가할 모델. 어댑터는 모델+어댑터", "the models to evaluate; MODEL+ADAPTER for an adapter"),
    )
    run.add_argument(
        "--answers",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help=say("다른 시스템의 답을 가져와요 (여러 번)", "answers of another system (repeatable)"),
    )
    run.add_argument(
        "--decoding",
        choices=[name for name in DECODINGS if name],
        default="",
        help=say(
            "paper: 구름 논문의 설정, greedy: 온도 0, exact: 온도 0으로 하나씩 (더 느리지만 다시 물어도 같은 답) (없으면 모델마다 제 것)",
            "paper: the KULLM paper's; greedy: temperature 0; exact: so, one at a time (slower, and the same whenever asked)"
            " (else each model's own)",
        ),
    )
    run.add_argument(
        "--repeats",
        type=whole(1, MOST_REPEATS),
        default=1,
        metavar="N",
        help=say("한 답을 N번 채점해 평균을 내요 (비용도 N배)", "judge each answer N times and average; costs N-fold"),
    )
    add_judge_arguments(run)
    _add_graders(run)
    run.add_argument("--json", action="store_true", help=say("표를 JSON으로", "the table as JSON"))


def _add_graders(run: argparse.ArgumentParser) -> None:
    """Who scores, and how, where it is not a judge that answers at once."""
    graders = run.add_mutually_exclusive_group()
    add_batch(graders)
    graders.add_argument(
        "--known",
        action="store_true",
        help=say(
            "채점자 없이, 질문 파일의 정답(accepted)으로", "by the file's known answers (accepted), without a judge"
        ),
    )
    graders.add_argument(
        "--answers-only", action="store_true", help=say("답만 받고 채점하지 않아요", "answer only; nothing is judged")
    )


def run(args: argparse.Namespace) -> int:
    if args.action == "run":
        from kullm_tui.commands.evaluate import run as eval_run

        return eval_run.run(args)
    actions = {
        "batches": show_batches,
        "before-after": compare,
        "harness": run_harness,
        "import": import_verdicts,
        "list": show_runs,
        "panel": show_panel,
        "win": show_win_rates,
        "retry": retry,
        "rescore": rescore,
    }
    if args.action in actions:
        return actions[args.action](args)
    with open_verdicts(Narration().note) as store:
        evaluation = load_run(store, args.run)
        number = args.run or latest_number(store) or 0
        found = results(evaluation, store)
        origin = provenance(evaluation, store, number) if args.action == "table" else {}
    if args.action == "agreement":
        return show_agreement(evaluation, found, args)
    if args.action == "items":
        return show_items(evaluation, found, as_json=args.json)
    table = score_table(evaluation, found)
    return _plot(table, args) if args.action == "plot" else _table(table, origin, args.format, args.out)


def _table(table: Table, origin: Mapping[str, Any], form: str, out: str | None) -> int:
    if form == "text" and not out:
        show_table(table, origin["run"])
        return 0
    text = {
        "text": lambda: "\n".join([*text_lines(table), "", *table_notes(table)]) + "\n",
        "markdown": lambda: with_provenance(markdown(table), origin),
        "csv": lambda: csv_text(table),
        "json": lambda: terminal_safe_json({"run": origin["run"], **table_facts(table), "provenance": origin}) + "\n",
    }[form]()
    _put(text, out)
    return 0


def _plot(table: Table, args: argparse.Namespace) -> int:
    if not args.out:
        print_plot(chart_rows(table, plot_width()))
        return 0
    out = paths.typed(args.out)
    publish_bytes(out, figure_bytes(table, form_of(out), font=args.font or ""), mode=0o644)
    Narration().note(say(f"{args.out}에 저장했어요.", f"written to {args.out}."))
    return 0


def _put(text: str, out: str | None) -> None:
    if out:
        publish(paths.typed(out), text, mode=0o644)
        Narration().note(say(f"{out}에 저장했어요.", f"written to {out}."))
    else:
        print(terminal_safe(text), end="")
