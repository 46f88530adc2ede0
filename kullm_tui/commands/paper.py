"""`kullm paper`: the paper's experiment from its sources to its report, or a study of one's own; what is done is not done again."""

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from kullm_tui.studies.child import Child
    from kullm_tui.studies.stages import Plan

_SCALES = {"demo": "demo", "full": "paper"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--scale",
        choices=list(_SCALES),
        default="demo",
        help=say(
            "demo: 데모 모델로 작게 (기본), full: 논문 그대로, 학습은 --on으로 고른 장비에서",
            "demo: in small on the demo model (unless told), full: the paper's, trained on the machine that --on names",
        ),
    )
    which.add_argument(
        "--study",
        metavar="FILE",
        help=say("직접 쓴 연구 파일.toml, 또는 이름", "a study of one's own, FILE.toml, or a name"),
    )
    add(
        "--judge",
        dest="judges",
        action="append",
        default=[],
        metavar="M",
        help=say("채점할 모델을 더해요: 모델, 엔드포인트/모델 (여러 번)", "a judge beside the study's: MODEL, ENDPOINT/MODEL (repeatable)"),
    )  # fmt: skip
    add(
        "--on",
        metavar="M",
        default="",
        help=say(
            "학습할 장비: `kullm machines`의 이름. --plan에는 4xA100-80GB도 돼요",
            "where to train: one of `kullm machines`; with --plan also 4xA100-80GB",
        ),
    )
    add("--plan", action="store_true", help=say("시작하지 않고 단계와 비용을 보여요", "show stages and costs; begin nothing"))  # fmt: skip
    add("--report", action="store_true", help=say("있는 결과로 보고서만 써요", "only write the report, from what is there"))  # fmt: skip
    add("--yes", action="store_true", help=say("묻지 않고 보내고 비용을 써요", "agree to sending and spending without being asked"))  # fmt: skip
    add("--json", action="store_true", help=say("결과를 JSON 하나로", "the result as one JSON object"))


def run(args: argparse.Namespace) -> int:
    from kullm_tui.commands.paper_view import StudyView, show_plan, show_report
    from kullm_tui.studies.running import run_study
    from kullm_tui.studies.seen import require_parts, seen
    from kullm_tui.studies.stages import plan_of
    from kullm_tui.studies.study import load_study

    study = load_study(args.study or _SCALES[args.scale]).trained_on(args.on)
    plan = plan_of(study, judges=args.judges)
    if args.report:
        from kullm_tui.studies.report_files import write_report

        return show_report(plan, write_report(plan), as_json=args.json)
    if args.plan:
        return show_plan(plan, seen(plan), as_json=args.json)
    require_parts(plan)
    view = StudyView(plan, Narration())
    with _stops_kindly() as child:
        _agree(plan, args)
        run_study(plan, told=view.take, waiting=view.wait, child=child)
    view.close()
    from kullm_tui.studies.report_files import written_report

    return show_report(plan, written_report(plan), as_json=args.json)


def _agree(plan: "Plan", args: argparse.Namespace) -> None:
    """Before anything begins that sends text away or costs: the whole bill, and somebody's word."""
    from kullm_tui.commands.cli.confirm import can_ask, confirmed
    from kullm_tui.commands.paper_view import show_bill
    from kullm_tui.core.errors import ConsentNeeded
    from kullm_tui.studies.agreement import asked, spending

    if not spending(plan):
        return
    show_bill(plan)
    if args.yes:
        return
    if not can_ask():
        raise ConsentNeeded(
            say("시작하지 않았어요. 동의하면 --yes를 붙이세요.", "nothing was begun. To agree, add --yes.")
        )
    if not confirmed(asked()):
        raise ConsentNeeded(say("시작하지 않았어요.", "nothing was begun."))


@contextmanager
def _stops_kindly() -> "Iterator[Child]":
    """Ctrl-c is passed on to the stage that is at work; what it has is saved."""
    from kullm_tui.studies.child import Child

    child = Child()
    before = signal.signal(signal.SIGINT, lambda _number, _frame: child.stop())
    try:
        yield child
    finally:
        signal.signal(signal.SIGINT, before)
