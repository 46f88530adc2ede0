"""`kullm eval list`: the evaluations that were kept, with the numbers that `--run` takes."""

import argparse
import time

from evaluator.batches.ledger import Ledger
from evaluator.runs import Run, list_runs
from evaluator.verdict_file import open_verdicts
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=say("한 평가에 JSON 하나", "one JSON object an evaluation"))


def show_runs(args: argparse.Namespace) -> int:
    with open_verdicts(Narration().note) as store:
        runs, waiting = list_runs(store), Ledger(store).batches()
    if args.json:
        for run in runs:
            print(terminal_safe_json(_facts(run)))
        return 0
    if not runs:
        print(
            say(
                "아직 평가가 없어요. `kullm eval run`으로 시작하세요.",
                "No evaluation yet; `kullm eval run` begins one.",
            )
        )
        return 0
    heading = ["", say("시작", "begun"), say("질문 모음", "questions"), say("시스템", "systems"),
               say("채점자", "judge"), say("채점 기준", "rubric")]  # fmt: skip
    lines = [[str(run.number), _when(run.begun), run.set_title, ", ".join(run.systems), _judge(run), run.rubric] for run in runs]  # fmt: skip
    for line in aligned([heading, *lines], right=(0,)):
        print(terminal_safe(line))
    if waiting:
        calls = sum(one.calls for one in waiting)
        Narration().note(
            say(
                f"배치로 맡겨 둔 채점 {calls:,}개를 기다려요: `kullm eval batches`",
                f"{calls:,} verdicts are handed in as batches: `kullm eval batches`",
            )
        )
    return 0


def _judge(run: Run) -> str:
    return f"{run.judge} ×{run.repeats}" if run.repeats > 1 else run.judge or "–"


def _facts(run: Run) -> dict[str, object]:
    return {
        "run": run.number,
        "begun": run.begun,
        "set": run.set_name,
        "systems": list(run.systems),
        "judge": run.judge,
        "repeats": run.repeats,
        "rubric": run.rubric,
    }


def _when(begun: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(begun))
