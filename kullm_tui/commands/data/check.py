"""`kullm data check`: a file looked through as a build would, and nothing written: what cannot be read, what would be left out, and why."""

from __future__ import annotations

import argparse
from itertools import islice

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.data.build import progress_line
from kullm_tui.core import paths
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line, terminal_safe, terminal_safe_json

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", metavar="FILE", type=paths.typed, help=say("살펴볼 파일", "the file to look through"))
    add(
        "--language",
        choices=["ko", "en"],
        default="ko",
        help=say("행의 언어 (기본 ko)", "the language of its rows (ko unless told)"),
    )
    add("--form", default="", metavar="FORM", help=say("파일의 형식. 예: sharegpt", "its form, as sharegpt"))
    add("--limit", type=int, default=_SHOWN, metavar="N", help=say("보여 줄 행의 수", "how many rows to show"))
    add("--json", action="store_true", help=say("JSON으로, 한 줄에 하나", "as JSON, one a line"))


def run(args: argparse.Namespace) -> int:
    """1 where a row would be left out."""
    from data.builder.progress import Watch
    from data.making import look_through
    from data.row import as_json
    from data.text import reason_text, reasons_text, step_text
    from evaluator.held_out import held_out_questions, sets_at_hand

    narration = Narration()
    held_out = sets_at_hand()
    if not held_out:
        narration.note(
            say(
                "평가 문항이 이 컴퓨터에 없어서 닮은 행은 찾지 않아요.",
                "the questions of evaluations are not on this machine, so rows like them are not looked for.",
            )
        )
    watch = Watch(lambda progress: narration.progress(progress_line(progress)))
    steps = look_through(
        args.file, language=args.language, form=args.form, held_out=held_out, questions=held_out_questions, watch=watch
    )
    narration.clear()
    lost = sum(one.counts.lost for one in steps)
    rejections = ((one.step, rejection) for one in steps for rejection in one.stage.rejections())
    if args.json:
        for step, one in rejections:
            told = {"step": step, "reason": one.reason, "detail": one.detail, "row": as_json(one.row)}
            print(terminal_safe_json(told))
        return int(lost > 0)
    for line in aligned(
        [[step_text(one.step), f"{one.counts.kept:,}", reasons_text(one.counts.rejected)] for one in steps], right=[1]
    ):
        print(terminal_safe(line))
    for step, one in islice(rejections, args.limit):
        why = " ".join(filter(None, (reason_text(one.reason), one.detail)))
        print(terminal_safe(f"{safe_line(one.row.place)}: {step_text(step)}: {safe_line(why)}"))
    return int(lost > 0)
