"""The steps of a build but the translation: seconds, memory, and whether they find what was planted.

    python bench/building.py [--rows 150000] [--sample 5000] [--repeat 3] [--workers 2] [--out FOLDER]

The whole set goes through the steps once, over processes. A sample goes through in turns: over processes, in a loop of one process, and by the
`datasets.map` of `side_data.py`, once in one process and once in as many as ours.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "bench")]
from data_rows import Planted, held_out, read_rows, write_rows  # noqa: E402
from report import Report, Row, median  # noqa: E402
from side_data import notebook  # noqa: E402

from data.clean import Clean  # noqa: E402
from data.decontaminate import Decontaminate  # noqa: E402
from data.filters.paper import PaperFilter  # noqa: E402
from data.filters.strict import StrictFilter  # noqa: E402
from data.near_duplicates import NearDuplicates  # noqa: E402
from data.row import Rejection  # noqa: E402
from data.row import Row as DataRow  # noqa: E402
from data.step import RowStep  # noqa: E402

_CHUNK = 500
_MOST_SECONDS, _MOST_GB, _LEAST_RECALL, _TIMES = 600.0, 2.0, 0.95, 2.0
_LOOKED_AT = 1000

_Found = DataRow | Rejection


@dataclass(frozen=True)
class Steps:
    """Those before the translation see the original, those behind it what came of it."""

    before: Sequence[RowStep]
    behind: Sequence[RowStep]

    def __call__(self, row: DataRow) -> _Found:
        source = _through(replace(row, messages=row.original, original=()), self.before)
        if isinstance(source, Rejection):
            return source
        # The translator's part is played: the Korean that the row came with stands for what it would have made of the clean original.
        return _through(replace(row, original=source.messages), self.behind)


def _through(row: DataRow, steps: Sequence[RowStep]) -> _Found:
    found: _Found = row
    for step in steps:
        if isinstance(found, Rejection):
            break
        found = step(found)
    return found


def all_steps() -> Steps:
    return Steps((Clean(), Decontaminate(held_out())), (PaperFilter(), StrictFilter()))


def _chunk_through(steps: Steps, rows: Sequence[DataRow]) -> list[_Found]:
    return [steps(row) for row in rows]


def over_processes(steps: Steps, rows: Iterable[DataRow], workers: int) -> Iterator[_Found]:
    """The builder's own loop over chunks takes this one's place."""
    source = iter(rows)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        ahead: deque[Any] = deque()
        while chunk := list(islice(source, _CHUNK)):
            ahead.append(pool.submit(_chunk_through, steps, chunk))
            if len(ahead) > 2 * workers:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def in_a_loop(steps: Steps, rows: Iterable[DataRow]) -> Iterator[_Found]:
    return map(steps, rows)


def built(found: Iterable[_Found]) -> tuple[Counter[str], dict[str, str]]:
    """Rows by the reason that they were rejected for, and the near-duplicates with what is said of them.

    Near-duplicates are sketched here, while the other processes are at the next chunks.
    """
    reasons, near = Counter[str](), dict[str, str]()

    def kept() -> Iterator[DataRow]:
        for one in found:
            if isinstance(one, Rejection):
                reasons[one.reason] += 1
            else:
                yield one

    for one in NearDuplicates()(kept()):
        reasons[one.reason if isinstance(one, Rejection) else "kept"] += 1
        if isinstance(one, Rejection):
            near[one.row.id] = one.detail
    return reasons, near


class Memory:
    """The most that this process and its children held together; pages that they share are counted in each."""

    def __enter__(self) -> "Memory":
        self.most, self._over = 0.0, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.2):
            held = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.most = max(self.most, held / 1e9)


def whole(path: Path, planted: Planted, workers: int) -> list[Row]:
    began, worked = time.perf_counter(), _processor()
    with Memory() as memory:
        reasons, near = built(over_processes(all_steps(), read_rows(path), workers))
    seconds, worked = time.perf_counter() - began, _processor() - worked
    rows = sum(reasons.values())
    due = {copy for copy in planted.near}
    recall = len(due & near.keys()) / max(1, len(due))
    looked_at = random.Random(1).sample(sorted(near), min(_LOOKED_AT, len(near)))
    false = [one for one in looked_at if one not in planted.near]
    raw = {"reasons": dict(reasons), "near": len(near), "due": len(due), "half": len(planted.half)}
    contaminated = reasons["contaminated"] / max(1, len(planted.contaminated))
    return [
        Row(f"{rows:,} rows through all steps", f"{seconds:.0f} s, {rows / seconds:,.0f} rows/s, {worked:.0f} s of processor", seconds / _MOST_SECONDS, "<= 1", seconds <= _MOST_SECONDS, raw),
        Row("memory of all processes", f"{memory.most:.2f} GB", memory.most / _MOST_GB, "<= 1", memory.most <= _MOST_GB),
        Row("near-duplicates found", f"{len(due & near.keys()):,} of {len(due):,} planted", recall, f">= {_LEAST_RECALL}", recall >= _LEAST_RECALL),
        Row("pairs that are none", f"{len(false)} of {len(looked_at):,} looked at", float(len(false)), "0", not false),
        Row("contaminated rows found", f"{reasons['contaminated']:,} of {len(planted.contaminated):,}", contaminated, "1", contaminated == 1.0),
    ]  # fmt: skip


def compared(path: Path, sample: int, workers: int, repeat: int) -> list[Row]:
    part = path.with_name("sample.jsonl")
    with path.open(encoding="utf-8") as file:
        part.write_text("".join(islice(file, sample)), encoding="utf-8")
    sides: dict[str, Callable[[], object]] = {
        "processes": lambda: built(over_processes(all_steps(), read_rows(part), workers)),
        "loop": lambda: built(in_a_loop(all_steps(), read_rows(part))),
        "map": lambda: notebook(part, held_out(), 1),
        "map over processes": lambda: notebook(part, held_out(), workers),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    worked: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeat):
        for name, side in sides.items():
            began, before = time.perf_counter(), _processor()
            side()
            taken[name].append(time.perf_counter() - began)
            worked[name].append(_processor() - before)
    return [
        Row(
            f"{sample:,} rows, {unit}, against {name}",
            f"{median(found['processes']):.1f} s against {median(found[name]):.1f}",
            ratio := median(found[name]) / median(found["processes"]),
            goal,
            ratio >= _TIMES if goal else None,
            found,
        )
        for unit, found in (("by the clock", taken), ("of processor", worked))
        for name, goal in (("loop", ""), ("map", f">= {_TIMES}"), ("map over processes", f">= {_TIMES}"))
    ]


def _processor() -> float:
    """Seconds of this process and of the children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=150_000)
    parser.add_argument("--sample", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    args = parser.parse_args()
    report = Report("building", {"rows": args.rows, "sample": args.sample, "workers": args.workers}, args.out)
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
        path = Path(folder) / "rows.jsonl"
        planted = write_rows(path, args.rows)
        means = [count / args.rows for count in (planted.korean_characters, planted.english_characters)]
        report.tell(mean_characters=dict(zip(("korean", "english"), means, strict=True)))
        sys.stderr.write(json.dumps(means) + "\n")
        report.add(whole(path, planted, args.workers))
        report.add(compared(path, min(args.sample, args.rows), args.workers, args.repeat))
    report.finish()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
