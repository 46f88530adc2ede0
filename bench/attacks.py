"""Everything that was ever done to a running product to hurt it, done again: a row each, what others saw meanwhile, memory, how it ended.

    python bench/attacks.py [--only 1,4,11]

An honest client asks one short streamed question again and again; whoever breaks a promise ends this with 1. The promises: that client's longest
wait is at most 2 s, the server never grows by more than 1 GB nor a command beyond 1 GB, no log holds a traceback, and no answer is a 5xx but 503
with Retry-After. Only root gives files to another user: row 11 leaves that part out for others.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError

import httpx2
import psutil

PROJECT = Path(__file__).parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "bench")]
from attacks_on_homes import ROWS as ON_HOMES  # noqa: E402
from attacks_on_server import ROWS as ON_SERVER  # noqa: E402
from product import Honest, Memory, Product, log_bytes, running, tracebacks  # noqa: E402
from rows import Attack  # noqa: E402

from tests.processes import ended_with  # noqa: E402

LONGEST_WAIT_S = 2.0
MOST_MB = 1_000.0
MOST_LOG_BYTES = 200_000
_CANNOT_GO_ON = (OSError, ValueError, LookupError, AssertionError, httpx2.HTTPError, psutil.Error, SubprocessError)


@dataclass(frozen=True)
class Row:
    number: int
    done: str
    wait: float | None
    megabytes: float
    ended: str
    broken: Sequence[str]

    @property
    def cells(self) -> tuple[str, ...]:
        wait = "-" if self.wait is None else f"{self.wait:.2f} s"
        return (
            str(self.number),
            self.done,
            wait,
            f"{self.megabytes:,.0f} MB",
            self.ended,
            "BROKEN" if self.broken else "held",
        )


def tried(attack: Attack) -> Row:
    with tempfile.TemporaryDirectory(prefix="kullm-attack-") as name:
        folder = Path(name)
        product = Product(folder / "home")
        product.home.mkdir(mode=0o700)
        with contextlib.ExitStack() as stack:
            wait, grown = None, 0.0
            began = time.monotonic()
            if attack.arguments is None:
                ended = _done(attack, product)
            else:
                server = stack.enter_context(running(folder, *attack.arguments(folder), descriptors=attack.descriptors))
                product.server = server
                wait, grown, ended = _watched(attack, product)
        seconds = time.monotonic() - began
        found = list(product.broken)
        if wait is not None and wait > LONGEST_WAIT_S:
            found.append(f"an honest client waited {wait:.1f} s")
        if max(grown, product.peak) > MOST_MB:
            found.append(f"memory: {max(grown, product.peak):,.0f} MB")
        if count := tracebacks(folder):
            found.append(f"{count} tracebacks in the logs")
        if log_bytes(folder) > MOST_LOG_BYTES:
            found.append(f"{log_bytes(folder):,} bytes of log")
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(product.answered.items()))
        told = "; ".join(filter(None, (ended, statuses, f"{seconds:.0f} s")))
        return Row(attack.number, attack.done, wait, max(grown, product.peak), told, found)


def _watched(attack: Attack, product: Product) -> tuple[float, float, str]:
    """The honest client's longest wait, by how much the server's memory grew, and how it ended."""
    assert product.server
    memory = Memory(product.server.process.pid)
    honest = Honest(product.server)
    time.sleep(1)  # what it takes before anything is done to it
    before = memory.peak
    honest.start()
    try:
        ended = _done(attack, product)
    finally:
        wait, peak = honest.stop(), memory.stop()
    product.broken += [f"{fault} ({count} times)" for fault, count in honest.faults.items()]
    product.expect(product.server.process.poll() is None, "the server has ended")
    return wait, peak - before, f"{ended}, honest client answered {len(honest.waits)} pieces"


def _done(attack: Attack, product: Product) -> str:
    try:
        return attack.run(product)
    except _CANNOT_GO_ON as error:  # then the row was not held
        product.broken.append(f"{type(error).__name__}: {str(error)[:160]}")
        return "could not go on"


def told(rows: Sequence[Row], write: Callable[[str], object]) -> None:
    for row in rows:
        write(" | ".join(row.cells) + "\n")
        for fault in row.broken:
            write(f"      {fault}\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="numbers of rows, with commas")
    wanted = {int(number) for number in parser.parse_args().only.split(",") if number}
    os.environ["KULLM_LANG"] = "ko"
    rows = []
    with ended_with(also_when_killed=True):
        for attack in sorted((*ON_SERVER, *ON_HOMES), key=lambda one: one.number):
            if not wanted or attack.number in wanted:
                rows.append(tried(attack))
                told(rows[-1:], sys.stderr.write)
    sys.stdout.write("row | what was done | longest wait of others | memory | ended | \n")
    told(rows, sys.stdout.write)
    return int(any(row.broken for row in rows))


if __name__ == "__main__":
    sys.exit(main())
