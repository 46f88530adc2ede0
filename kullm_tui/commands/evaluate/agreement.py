"""`kullm eval agreement`: how far people's ratings and a judge's verdicts give the same scores."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from evaluator.agreement import AnswerKey, People, Scores, agreement, read_ratings
from evaluator.evaluation import Evaluation, SystemResult
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_NAMED = 3


def add_agreement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ratings",
        required=True,
        metavar="FILE",
        help=say("id, model, scores가 든 JSONL", "a JSONL file of id, model, scores"),
    )
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def show_agreement(evaluation: Evaluation, found: Sequence[SystemResult], args: argparse.Namespace) -> int:
    try:
        lines = paths.typed(args.ratings).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{args.ratings}: {error}") from error
    people = read_ratings(lines, evaluation.rubric)
    verdicts = {
        (one.system.name, item): verdict.scores
        for one in found
        for item, verdict in one.verdicts.items()
        if verdict.status == "ok"
    }
    _require_some(people, verdicts, args.ratings)
    alphas = {one.name: agreement(one.name, verdicts, people) for one in evaluation.rubric.criteria}
    if args.json:
        print(terminal_safe_json({name: asdict(one) for name, one in alphas.items()}))
        return 0
    heading = [say("기준", "criterion"), say("사람–채점자 α", "people–judge α"), say("사람 사이의 α", "people α"), "n"]
    rows = [[name, _number(one.with_judge), _number(one.people), str(one.items)] for name, one in alphas.items()]
    for line in aligned([heading, *rows], right=(1, 2, 3)):
        print(terminal_safe(line))
    return 0


def _require_some(people: People, verdicts: Mapping[AnswerKey, Scores], file: str) -> None:
    """What has no verdict beside it is told, and where nothing has, refused."""
    if not people:
        raise UsageError(say(f"{file}: 점수가 없어요.", f"{file} holds no ratings."))
    strangers = [place for place in people if place not in verdicts]
    if not strangers:
        return
    named = ", ".join(f"{model or '?'} {item}" for model, item in strangers[:_NAMED])
    more = " …" if len(strangers) > _NAMED else ""
    told = say(
        f"{file}: {len(people):,}개 중 {len(strangers):,}개는 이 평가에 채점된 답이 없어요({named}{more}).",
        f"{file}: {len(strangers):,} of {len(people):,} have no scored answer in this evaluation ({named}{more}).",
    )
    if len(strangers) == len(people):
        raise UsageError(told)
    Narration().note(told)


def _number(alpha: float | None) -> str:
    return "–" if alpha is None else f"{alpha:.3f}"
