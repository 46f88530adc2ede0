"""How near a translation comes to what DeepL's limits allow, what kill -9 costs, and what a hundred thousand rows take of memory.

    python bench/data_translation.py [--rows 12000] [--rate 12] [--characters 30000] [--latency 0.3] [--only TEXT] [--out FOLDER]

The server enforces a token bucket of calls or of characters, and says after a refusal when to come again, or does not; each call takes 300 ms.
The ratio is what it granted a second over the rate at which its bucket fills, after the burst that a full bucket gives away is taken off.
"""

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "bench")]

from report import Report, Row  # noqa: E402

from data.row import Row as DataRow  # noqa: E402
from data.row import new_row  # noqa: E402
from data.translate.cache import TranslationCache  # noqa: E402
from data.translate.deepl import DeepL  # noqa: E402
from data.translate.progress import Progress  # noqa: E402
from data.translate.translation import translate  # noqa: E402
from kullm_tui.core.records import Message  # noqa: E402
from tests.deepl_server import KEY, DeepLServer, Limit  # noqa: E402

GOAL = 0.9
MOST_MEGABYTES = 2000
_WORDS = (
    "the",
    "old",
    "machine",
    "reads",
    "every",
    "line",
    "of",
    "a",
    "letter",
    "and",
    "counts",
    "what",
    "it",
    "found",
    "before",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--many", type=int, default=100_000, help="rows of the measure of memory")
    parser.add_argument("--rate", type=float, default=12.0, help="calls a second")
    parser.add_argument("--characters", type=float, default=30_000.0, help="a second")
    parser.add_argument("--latency", type=float, default=0.3)
    parser.add_argument("--only", default="", help="only the rows whose name holds this")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    settings = {name: value for name, value in vars(arguments).items() if name not in ("out", "only")}
    report = Report("data-translation", settings, arguments.out)
    for says_when in (True, False):
        for what in ("calls", "characters"):
            name = f"{what}, {'Retry-After' if says_when else 'no word of when'}"
            if arguments.only in name:
                report.add([at_the_limit(name, what, says_when, arguments)])
    if arguments.only in "memory":
        report.add([memory(arguments)])
    report.finish()


def rows(count: int) -> Iterator[DataRow]:
    """As long as KULLM's: an instruction, and an answer of a few hundred characters with some code."""
    chance = random.Random(20231020)
    for number in range(count):
        answer = " ".join(_sentence(chance) for _ in range(chance.randint(1, 9)))
        code = f"\n\n```python\nrun({number})\n```\nIt uses `run({number})`." if number % 10 == 0 else ""
        messages = [Message("user", _sentence(chance)), Message("assistant", answer + code)]
        yield new_row("bench", f"bench:{number}", messages)


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(5, 16))).capitalize() + "."


async def translated(server: DeepLServer, folder: Path, count: int, progress: Progress) -> int:
    translator, came = DeepL(KEY, server_url=server.url), 0
    with TranslationCache(folder / "translations.db") as cache:
        async with aclosing(translate(rows(count), translator, cache, progress=progress)) as found:
            async for row in found:
                came += isinstance(row, DataRow)
    await translator.close()
    return came


def at_the_limit(name: str, what: str, says_when: bool, arguments: argparse.Namespace) -> Row:
    rate = arguments.rate if what == "calls" else arguments.characters
    limit = Limit(rate, rate * 3, says_when)
    progress = Progress()
    with (
        tempfile.TemporaryDirectory() as folder,
        DeepLServer(
            latency=arguments.latency,
            calls=limit if what == "calls" else None,
            characters=limit if what == "characters" else None,
        ) as server,
    ):
        came = asyncio.run(translated(server, Path(folder), arguments.rows, progress))
        seconds = server.times[-1] - server.times[0] + arguments.latency
    ratio = (limit.granted - limit.size) / seconds / rate
    met = ratio >= GOAL and server.twice == 0 and came == arguments.rows
    return Row(
        f"translation, {name}",
        f"{limit.granted / seconds:,.1f} {what}/s of {rate:,g}; {server.refusals} of {len(server.calls)} refused, {server.twice} twice",
        ratio,
        f"≥ {GOAL}",
        met,
        {"seconds": seconds, "rows": came, "calls": len(server.calls), "refused": server.refusals},
    )


def memory(arguments: argparse.Namespace) -> Row:
    """A server without limits; the process holds the server too, so this is an upper bound."""
    progress = Progress()
    with tempfile.TemporaryDirectory() as folder, DeepLServer(remembers=False) as server:
        began = time.monotonic()
        came = asyncio.run(translated(server, Path(folder), arguments.many, progress))
        seconds = time.monotonic() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Row(
        f"translation, memory for {arguments.many:,} rows",
        f"{megabytes:,.0f} MB at most; {came / seconds:,.0f} rows/s without a limit",
        None,
        f"< {MOST_MEGABYTES:,} MB",
        megabytes < MOST_MEGABYTES and came == arguments.many,
        {"seconds": seconds, "rows": came, "megabytes": megabytes},
    )


if __name__ == "__main__":
    main()
