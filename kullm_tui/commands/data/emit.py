"""`kullm data emit`: a mixture as a datatrove pipeline, for a cluster. Nothing is built and nothing is sent."""

from __future__ import annotations

import argparse

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.arguments import dollars
from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.text import terminal_safe

_SHARDS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mixture", metavar="MIXTURE", help=say("혼합의 이름이나 .toml 파일", "a mixture's name, or a .toml file"))
    add("--out", type=paths.typed, required=True, metavar="FOLDER", help=say("빈 폴더", "an empty folder"))
    add(
        "--executor",
        choices=("local", "slurm", "ray"),
        default="local",
        help=say("어디서 돌릴지 (기본 local)", "what runs it (local unless told)"),
    )
    add(
        "--shards",
        type=int,
        default=_SHARDS,
        metavar="N",
        help=say(f"몇 조각으로 나눌지 (기본 {_SHARDS})", f"into how many shards ({_SHARDS} unless told)"),
    )
    add(
        "--max-cost",
        type=dollars,
        default=0.0,
        metavar="USD",
        help=say("번역에 이 금액까지만 써요 (기본 0)", "what the translation may spend (0 unless told)"),
    )


def run(args: argparse.Namespace) -> int:
    from data.pipeline.emit import emit
    from evaluator.held_out import held_out_questions

    if not 1 <= args.shards <= 100_000:
        raise UsageError(say("--shards는 1부터 100,000까지예요.", "--shards goes from 1 to 100,000."))
    emitted = emit(
        args.mixture,
        args.out,
        executor=args.executor,
        questions=held_out_questions,
        shards=args.shards,
        most_dollars=args.max_cost,
    )
    print(terminal_safe(str(emitted.script)))
    narration = Narration()
    narration.note(say("돌리려면: ", "Run it: ") + f"pip install 'datatrove[io]'; python {emitted.script}")
    if emitted.foreign:
        narration.note(
            say(
                f"번역에는 {money(args.max_cost)}까지만 써요. 파일의 MOST_DOLLARS에서 고칠 수 있어요.",
                f"The translation spends {money(args.max_cost)} at most: MOST_DOLLARS in the file.",
            )
        )
    return 0
