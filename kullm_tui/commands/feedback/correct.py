"""`kullm feedback correct`: the answer that was wanted, beside the reply that was given."""

import argparse
import sys

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.feedback.mark import add_number
from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.store.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_number(parser)
    parser.add_argument(
        "text",
        nargs="?",
        metavar="TEXT",
        help=say(
            "고친 답. 없으면 표준 입력에서 읽어요", "the answer that you wanted; without it, standard input is read"
        ),
    )


def run(args: argparse.Namespace) -> int:
    text = _piped() if args.text is None else args.text
    with Store(paths.database_file()) as store:
        correction = store.correct(args.number or store.newest_reply(), text)
    Narration().note(
        say(
            f"고친 답을 {correction.id}번으로 남겼어요. 원래 답({correction.corrects}번)은 그대로 있어요.",
            f"kept as message {correction.id}; the reply {correction.corrects} stays as it was.",
        )
    )
    return 0


def _piped() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            say(
                '고친 답을 함께 적거나 파이프로 주세요. 예: kullm feedback correct 12 "서울이에요."',
                'Give the answer, or pipe it in: kullm feedback correct 12 "It is Seoul."',
            )
        )
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(say("표준 입력이 UTF-8이 아니에요.", "standard input is not UTF-8.")) from error
