"""`kullm data estimate`: what a mixture's translation would cost. Everything that costs nothing is done for it, and kept for the build."""

from __future__ import annotations

import argparse

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.data.build import progress_line
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mixture", metavar="MIXTURE", help=say("혼합의 이름이나 .toml 파일", "a mixture's name, or a .toml file"))
    add("--json", action="store_true", help=say("결과를 JSON 하나로", "the result as one JSON object"))


def run(args: argparse.Namespace) -> int:
    from data.builder.progress import Watch
    from data.making import price_of
    from evaluator.held_out import held_out_questions

    narration = Narration()
    price = price_of(
        args.mixture,
        questions=held_out_questions,
        watch=Watch(lambda progress: narration.progress(progress_line(progress))),
    )
    narration.clear()
    if args.json:
        print(terminal_safe_json(price.as_json()))
    else:
        print(terminal_safe(price.told if price.estimate.rows else _nothing()))
    return 0


def _nothing() -> str:
    return say("번역할 것이 없어요.", "There is nothing to translate.")
