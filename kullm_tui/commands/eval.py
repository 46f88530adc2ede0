"""`kullm eval run|table|plot|agreement`: models answer a question set, a judge scores them, and the paper's table comes of it."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluator.agreement import agreement, read_ratings
from evaluator.chart import chart_lines, svg
from evaluator.evaluation import Evaluation, SystemResult, load_run, results
from evaluator.questions import PUBLIC_SETS
from evaluator.report import Table, csv_text, markdown, score_table, table_lines, table_notes
from evaluator.verdicts import VerdictStore
from kullm_tui.commands.columns import aligned
from kullm_tui.commands.judge import add_judge_arguments
from kullm_tui.commands.narration import Narration
from kullm_tui.core.errors import UsageError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    parser = subparsers.add_parser("eval", help=say("모델을 논문처럼 평가합니다", "evaluate models as the paper does"))
    actions = parser.add_subparsers(dest="action", metavar=say("동작", "ACTION"))
    _add_run(
        actions.add_parser("run", help=say("답을 받고 채점합니다 (이어서 할 수 있습니다)", "answer and judge; resumes"))
    )
    table = actions.add_parser("table", help=say("논문의 표", "the paper's table"))
    table.add_argument(
        "--format", choices=["text", "markdown", "csv", "json"], default="text", help=say("꼴", "the form")
    )
    plot = actions.add_parser("plot", help=say("논문의 그림 1 (0–100)", "the paper's Figure 1, on 0–100"))
    agreement = actions.add_parser(
        "agreement", help=say("사람의 점수와 얼마나 맞는지", "agreement with people's ratings")
    )
    agreement.add_argument(
        "--ratings",
        required=True,
        metavar="FILE",
        help=say("id, model, scores가 든 JSONL", "a JSONL file of id, model, scores"),
    )
    agreement.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))
    for action in (table, plot, agreement):
        action.add_argument(
            "--run",
            type=int,
            metavar="N",
            help=say("평가의 번호 (없으면 마지막)", "the evaluation's number; else the last"),
        )
    for action in (table, plot):
        action.add_argument(
            "--out", metavar="FILE", help=say("파일로 씁니다 (그림은 .svg)", "write to a file (.svg for the plot)")
        )


def _add_run(run: argparse.ArgumentParser) -> None:
    names = ", ".join(one.name for one in PUBLIC_SETS)
    run.add_argument(
        "--set",
        dest="questions",
        default=PUBLIC_SETS[0].name,
        metavar="S",
        help=say(f"질문 모음: {names}, 파일.jsonl", f"the questions: {names}, FILE.jsonl"),
    )
    run.add_argument("-m", "--models", default="", metavar="A,B,C", help=say("평가할 모델", "the models to evaluate"))
    run.add_argument(
        "--answers",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help=say("다른 시스템의 답을 가져옵니다 (여러 번)", "answers of another system (repeatable)"),
    )
    run.add_argument("--decoding", choices=["paper"], help=say("구름 논문의 디코딩 설정", "the KULLM paper's decoding"))
    add_judge_arguments(run)
    run.add_argument("--json", action="store_true", help=say("표를 JSON으로", "the table as JSON"))


def run(args: argparse.Namespace) -> int:
    if args.action == "run":
        from kullm_tui.commands.eval_run import run_evaluation

        return run_evaluation(args)
    with VerdictStore() as store:
        evaluation = load_run(store, args.run)
        found = results(evaluation, store)
    if args.action == "agreement":
        return _agreement(evaluation, found, args)
    table = score_table(evaluation, found)
    return _plot(table, args.out) if args.action == "plot" else _table(table, args.format, args.out)


def show_table(table: Table) -> None:
    for line in aligned(table_lines(table), right=range(1, len(table.rubric.criteria) + 2)):
        print(terminal_safe(line))
    narration = Narration()
    for note in table_notes(table):
        narration.note(note)


def table_facts(table: Table) -> dict[str, Any]:
    rows = [
        {
            "model": row.name,
            "scores": {name: _cell_facts(cell) for name, cell in row.cells.items()},
            "n": row.scored,
            "unscored": dict(row.unscored),
            "faults": dict(row.faults),
            "flagged": row.flagged,
            "length_correlation": row.length_correlation,
        }
        for row in table.rows
    ]
    return {"judge": table.judge, "rubric": table.rubric.name, "items": table.items, "rows": rows}


def _cell_facts(cell: Any) -> dict[str, float]:
    return {"mean": cell.mean, "low": cell.interval.low, "high": cell.interval.high, "scaled": cell.scaled}


def _table(table: Table, form: str, out: str | None) -> int:
    if form == "text" and not out:
        show_table(table)
        return 0
    text = {
        "text": lambda: "\n".join(aligned(table_lines(table))) + "\n",
        "markdown": lambda: markdown(table),
        "csv": lambda: csv_text(table),
        "json": lambda: terminal_safe_json(table_facts(table)) + "\n",
    }[form]()
    _put(text, out)
    return 0


def _plot(table: Table, out: str | None) -> int:
    if out and Path(out).suffix != ".svg":
        raise UsageError(
            say("그림은 .svg로 씁니다. 예: --out figure.svg", "a plot is written as .svg: --out figure.svg")
        )
    _put(svg(table) if out else "\n".join(aligned(chart_lines(table))) + "\n", out)
    return 0


def _put(text: str, out: str | None) -> None:
    if out:
        publish(Path(out).expanduser(), text, mode=0o644)
        Narration().note(say(f"{out}에 썼습니다.", f"written to {out}."))
    else:
        print(terminal_safe(text), end="")


def _agreement(evaluation: Evaluation, found: list[SystemResult], args: argparse.Namespace) -> int:
    try:
        lines = Path(args.ratings).expanduser().read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{args.ratings}: {error}") from error
    people = read_ratings(lines, evaluation.rubric)
    verdicts = {
        (one.system.name, item): verdict.scores
        for one in found
        for item, verdict in one.verdicts.items()
        if verdict.status == "ok"
    }
    alphas = {one.name: agreement(one.name, verdicts, people) for one in evaluation.rubric.criteria}
    if args.json:
        print(terminal_safe_json({name: asdict(one) for name, one in alphas.items()}))
        return 0
    heading = [say("기준", "criterion"), say("사람–채점자 α", "people–judge α"), say("사람끼리 α", "people α"), "n"]
    rows = [[name, _number(one.with_judge), _number(one.people), str(one.items)] for name, one in alphas.items()]
    for line in aligned([heading, *rows], right=(1, 2, 3)):
        print(terminal_safe(line))
    return 0


def _number(alpha: float | None) -> str:
    return "–" if alpha is None else f"{alpha:.3f}"
