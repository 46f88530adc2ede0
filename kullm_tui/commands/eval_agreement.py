"""`kullm eval agreement`: how far people's ratings and a judge's verdicts give the same scores."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from evaluator.agreement import agreement, read_ratings
from evaluator.evaluation import Evaluation, SystemResult
from kullm_tui.commands.columns import aligned
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def show_agreement(evaluation: Evaluation, found: Sequence[SystemResult], args: argparse.Namespace) -> int:
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
