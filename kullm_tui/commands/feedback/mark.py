"""`kullm feedback mark`: a reply is good as it is, or not for training."""

import argparse

from kullm_tui.commands.cli.arguments import whole_or_last
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.language import say
from kullm_tui.core.store.store import Store

LARGEST_NUMBER = 2**63 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_number(parser)
    parser.add_argument(
        "mark",
        choices=["keep", "never", "none"],
        help=say(
            "keep 좋은 답, never 학습 제외, none 표시 지우기", "keep: good as it is; never: not for training; none"
        ),
    )


def add_number(parser: argparse.ArgumentParser) -> None:
    named = say(
        "`kullm history show`나 `kullm feedback list`의 번호, 또는 마지막 답이면 last",
        "of `kullm history show` or `kullm feedback list`, or last for the newest reply",
    )
    parser.add_argument("number", type=whole_or_last(1, LARGEST_NUMBER), metavar="NUMBER", help=named)


def run(args: argparse.Namespace) -> int:
    with Store(paths.database_file()) as store:
        store.mark(args.number or store.newest_reply(), None if args.mark == "none" else args.mark)
    told = {
        "keep": say("좋은 답으로 표시했어요.", "marked as good."),
        "never": say("학습에서 뺄 답으로 표시했어요.", "marked as not for training."),
        "none": say("표시를 지웠어요.", "the mark is gone."),
    }
    Narration().note(told[args.mark])
    return 0
