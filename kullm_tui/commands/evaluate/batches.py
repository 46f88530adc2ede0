"""`kullm eval batches`: what is handed in and not back yet, and how to give it up."""

import argparse
import asyncio
import time

from evaluator.batches.ending import give_up, looked_at
from evaluator.batches.ledger import Batch, Ledger
from evaluator.batches.service import FarBatch
from evaluator.verdict_file import open_verdicts
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_batches(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cancel",
        action="store_true",
        help=say("모두 그만둬요. 끝난 채점은 받아 둬요", "give all of them up; what is done is kept"),
    )
    parser.add_argument("--json", action="store_true", help=say("한 배치에 JSON 하나", "one JSON object a batch"))


def show_batches(args: argparse.Namespace) -> int:
    narration, endpoints = Narration(), load_config().endpoints
    with open_verdicts(narration.note) as store:
        if args.cancel:
            given_up = asyncio.run(give_up(store, endpoints, narration.progress))
            narration.note(
                say(
                    f"끝난 채점 {given_up.kept:,}개를 받아 두었고, {given_up.freed:,}개는 그만두었어요.",
                    f"{given_up.kept:,} verdicts were done and are kept; {given_up.freed:,} were given up.",
                )
            )
            return 0
        found = asyncio.run(looked_at(Ledger(store).batches(), endpoints))
    if args.json:
        for batch, far in found:
            print(terminal_safe_json(_facts(batch, far)))
    elif found:
        _show(found)
    else:
        print(say("맡겨 둔 배치가 없어요.", "no batch is under way."))
    return 0


def _show(found: list[tuple[Batch, FarBatch | None]]) -> None:
    heading = [say("배치", "batch"), say("맡긴 때", "handed in"), say("채점자", "judge"), say("채점", "verdicts"),
               say("끝남", "done"), say("상태", "state")]  # fmt: skip
    lines = [
        [
            batch.batch or batch.name,
            time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.created)),
            batch.judge.model,
            f"{batch.calls:,}",
            f"{far.done + far.failed:,}" if far else "–",
            _state(batch, far),
        ]
        for batch, far in found
    ]
    for line in aligned([heading, *lines], right=(3, 4)):
        print(terminal_safe(line))
    print(
        say(
            "맡길 때와 같은 명령을 --batch와 함께 다시 하면 받아요. 그만두려면 --cancel을 붙이세요.",
            "The command that handed them in takes them, with --batch; --cancel gives them up.",
        )
    )


def _state(batch: Batch, far: FarBatch | None) -> str:
    if far:
        return far.status
    return (
        say("알 수 없음", "not known")
        if batch.batch
        else say("맡기다가 멈췄을 수 있음", "its hand-in may have broken off")
    )


def _facts(batch: Batch, far: FarBatch | None) -> dict[str, object]:
    return {
        "name": batch.name,
        "batch": batch.batch or None,
        "handed_in": batch.created,
        "judge": batch.judge.model,
        "endpoint": batch.judge.endpoint.base_url,
        "rubric": batch.rubric,
        "verdicts": batch.calls,
        "done": far.done + far.failed if far else None,
        "state": far.status if far else None,
        "most_dollars": batch.most,
    }
