"""Three columns over one base: their replies streamed together, and one after another.

    python bench/compare.py [--checkpoint FOLDER --size 5.8b] [--repeat 5] [--out FOLDER]

adapters    the demo's three adapters in the engine's batch, 128 tokens each, whatever they would have said
columns     asked over HTTP as `kullm compare` and the app ask them, until each has ended by itself. The demo's replies are short and
            of unequal length, so much of their time is no decoding: a figure without a goal.

FOLDER, from `bench/weights.py`, gets three adapters of random numbers; its columns answer with 128 tokens each. Each question is put
once in each way, under a system text that nobody has read yet, so that neither finds anything already computed.
"""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
from engine import Setup, adapters_row  # noqa: E402
from report import Report, Row, median  # noqa: E402
from weights import write_lora  # noqa: E402

from kullm_tui.core.asking.target import start_engine  # noqa: E402
from kullm_tui.core.endpoints.client import load_model, stream_chat  # noqa: E402
from kullm_tui.core.endpoints.endpoint import Endpoint, Finished  # noqa: E402
from kullm_tui.core.endpoints.local_engine import stop_engine  # noqa: E402
from kullm_tui.core.records import Message  # noqa: E402
from kullm_tui.core.store.comparisons import Contestant  # noqa: E402

_GOAL, _TOKENS = 1.8, 128
_DEMO = Path(__file__).parent.parent / "kullm_tui" / "demo"
_DEMOS = ("koalpaca", "kovicuna", "kullm")
_QUESTIONS = (
    "하늘은 왜 파란가요?",
    "대한민국의 수도는 어디인가요?",
    "무지개는 왜 생기나요?",
    "프랑스는 어떤 나라인가요?",
)
_numbers = itertools.count(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--size", default="1.3b")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    arguments = parser.parse_args()
    report = Report("compare", {name: str(value) for name, value in vars(arguments).items()}, arguments.out)
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as scratch:
        home = (arguments.out / "home").absolute()  # as for bench/engine.py: large weights are quantised once for both
        home.mkdir(parents=True, exist_ok=True)
        setup = Setup(_DEMO / "base", "demo", home, None, None, 2 * arguments.repeat)
        row = adapters_row(setup, [_DEMO / "adapters" / name for name in _DEMOS])
        report.add([replace(row, promise=f"{row.promise}, the demo")])
        os.environ["KULLM_HOME"] = str(home)
        try:
            engine = start_engine(lambda _: None)
            demos = [Contestant(f"demo-{name}") for name in _DEMOS]
            report.add([asyncio.run(columns_row(engine, "the demo", demos, _QUESTIONS, arguments.repeat, goal=None))])
            if arguments.checkpoint:
                three = with_adapters(arguments.checkpoint.absolute(), arguments.size, Path(scratch))
                row = asyncio.run(
                    columns_row(engine, arguments.size, three, _QUESTIONS[:1], arguments.repeat, goal=_GOAL)
                )
                report.add([row])
        finally:
            stop_engine()
    report.finish()


def with_adapters(checkpoint: Path, size: str, scratch: Path) -> list[Contestant]:
    folders = [write_lora(size, scratch / "lora" / str(number), seed=number) for number in range(3)]
    return [Contestant(str(checkpoint), str(folder)) for folder in folders]


async def columns_row(
    engine: Endpoint,
    name: str,
    columns: Sequence[Contestant],
    questions: Sequence[str],
    repeat: int,
    *,
    goal: float | None,
) -> Row:
    for column in columns:
        async with aclosing(load_model(engine, column.model, column.adapter or None)) as steps:
            async for _ in steps:
                pass
        await reply(engine, column, questions[0])
    together: list[float] = []
    apart: list[float] = []
    for number in range(repeat * len(questions)):
        question = questions[number % len(questions)]
        ways = [(together, True), (apart, False)]
        for speeds, at_once in ways if number % 2 else ways[::-1]:
            speeds.append(await speed(engine, columns, question, at_once=at_once))
    ratio = median([one / other for one, other in zip(together, apart, strict=True)])
    found = f"{median(together):.1f} : {median(apart):.1f} tokens/s"
    raw = {"together": together, "apart": apart}
    wanted, met = (f"≥ {goal}", ratio >= goal) if goal else ("", None)
    return Row(f"three columns together : apart, {name}", found, ratio, wanted, met, raw)


async def speed(engine: Endpoint, columns: Sequence[Contestant], question: str, *, at_once: bool) -> float:
    """Tokens a second of all columns, from the question until the last of them has ended."""
    system = f"{next(_numbers)}번째 질문에 답하세요."
    began = time.perf_counter()
    if at_once:
        counts = await asyncio.gather(*(reply(engine, column, question, system) for column in columns))
    else:
        counts = [await reply(engine, column, question, system, alone=True) for column in columns]
    return sum(counts) / (time.perf_counter() - began)


async def reply(engine: Endpoint, column: Contestant, question: str, system: str = "", *, alone: bool = False) -> int:
    """How many tokens it has. `alone`: with none of them guessed, as of random weights nearly all would be."""
    messages = [*([Message("system", system)] if system else []), Message("user", question)]
    decoding = {"max_tokens": _TOKENS, "alone": alone, **({"adapter": column.adapter} if column.adapter else {})}
    async with aclosing(stream_chat(engine, model=column.model, messages=messages, decoding=decoding)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Finished):
                return piece.usage.completion_tokens or 0
    raise SystemExit("a reply did not end")


if __name__ == "__main__":
    main()
