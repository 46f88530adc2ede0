"""`kullm feedback import`: files of pairs and rows, in our form, TRL's or LLaMA-Factory's."""

import argparse
from pathlib import Path

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.language import say
from kullm_tui.core.store.store import Store
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_TOLD = 10  # faults; the rest is counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=say(
            "쌍(prompt, chosen, rejected)이나 행이 든 JSONL, JSON",
            "JSONL or JSON of pairs (prompt, chosen, rejected) or rows",
        ),
    )
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def run(args: argparse.Namespace) -> int:
    from kullm_tui.feedback.bring_in import bring_in

    narration = Narration()
    with Store(paths.database_file()) as store:
        for file in args.files:
            told = bring_in(store, file)
            if args.json:
                counts = {"new": told.new, "known": told.known, "faults": len(told.faults)}
                print(terminal_safe_json({"file": str(file), **counts}))
            else:
                found = say(
                    f"새 피드백 {told.new:,}개, 이미 있는 것 {told.known:,}개",
                    f"{told.new:,} new, {told.known:,} there already",
                )
                print(terminal_safe(f"{file}: {found}"))
            for fault in told.faults[:_TOLD]:
                narration.note(f"{fault.place}: {fault.detail}")
            left = len(told.faults) - _TOLD
            if left > 0:
                narration.note(say(f"읽지 못한 행이 {left:,}개 더 있어요.", f"{left:,} more rows could not be read."))
    return 0
