"""`kullm data build`: a mixture made into files. What costs money is said and agreed to first; ctrl-c keeps what was done."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.data import paying
from kullm_tui.commands.judge.arguments import add_spending
from kullm_tui.core import paths
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line, size_text, terminal_safe, terminal_safe_json

if TYPE_CHECKING:
    from data.builder.progress import Progress
    from data.shelf import BuiltFacts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mixture", metavar="MIXTURE", help=say("혼합의 이름이나 .toml 파일", "a mixture's name, or a .toml file"))
    add("--out", type=paths.typed, metavar="F", help=say("이 폴더에 저장해요", "write it into this folder"))
    add_spending(parser)
    add("--json", action="store_true", help=say("만든 것을 JSON 하나로", "what was built as one JSON object"))


def run(args: argparse.Namespace) -> int:
    from data.builder.progress import Watch
    from data.making import make
    from data.shelf import facts_in
    from evaluator.held_out import held_out_questions

    narration = Narration()
    with _stops_kindly() as stop:
        watch = Watch(lambda progress: narration.progress(progress_line(progress)), stop)
        built = make(
            args.mixture,
            questions=held_out_questions,
            agree=paying.agreeing(args, narration),
            watch=watch,
            folder=args.out,
        )
    narration.clear()
    facts = facts_in(built.folder)
    assert facts
    if args.json:
        print(terminal_safe_json({"folder": str(built.folder), **facts.as_json()}))
    else:
        for line in lines_of(facts):
            print(terminal_safe(line))
    return 0


def progress_line(progress: Progress) -> str:
    from data.text import step_text

    of = f"/{progress.of:,}" if progress.of else ""
    lost = say(f" · {progress.counts.lost:,} 빠짐", f" · {progress.counts.lost:,} out") if progress.counts.lost else ""
    note = f" · {progress.note}" if progress.note else ""
    return f"{step_text(progress.step)} {safe_line(progress.source)} {progress.counts.seen:,}{of}{lost}{note}"


def lines_of(facts: BuiltFacts) -> Iterator[str]:
    """What every step kept, what came out, and where it lies."""
    from data.text import reasons_text, step_text

    steps = [
        [step_text(one.step), safe_line(one.source), f"{one.counts.kept:,}", reasons_text(one.counts.rejected)]
        for one in facts.steps
    ]
    yield from aligned(steps, right=[2])
    yield ""
    outputs = [
        [safe_line(one.name), say(f"{one.rows:,}행", f"{one.rows:,} rows"), size_text(_size(one.lines)), str(one.lines)]
        for one in facts.outputs
    ]
    yield from aligned(outputs, right=[1, 2])


def _size(path: Path) -> int:
    return path.stat().st_size


@contextmanager
def _stops_kindly() -> Iterator[threading.Event]:
    """The first ctrl-c ends it at the next chunk, the second at once; both keep what was done."""
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
