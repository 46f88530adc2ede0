"""The trainings in the real app: how long a job's page takes to open and to draw, what it takes of memory, and how soon a key is answered meanwhile.

    python -P bench/panel.py [--lines 100000] [--repeat 5] [--only page,echo]

page  of one job, beside a job of no lines
echo  from a key's byte until it is on the screen, with ten such jobs, three of them running: in the chat before their list was opened, then in the
      search of the log of one that runs, its page open, all three growing by four lines a second

For the page the app runs without a terminal; a page is open once the first frame with all of the job's lines has been drawn. Opening an empty job and a full one
alternate, so that what others do on the machine meets both. A redraw is that of a chart of 4,000 points, 120 × 40 cells, to strips. Beside the time that
passed stands the processor's own, which others on the machine hardly change.
"""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen

from kullm_tui.core.config.settings import Config
from kullm_tui.core.plot.lines import Series, line_rows
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.train.page.curves import PANELS, chart_rows
from kullm_tui.ui.train.page.job_page import JobPage
from kullm_tui.ui.train.page.sight import Sight
from kullm_tui.ui.widgets.chart import Chart
from trainer.jobs.agent.files import append, last_row, publish, try_lock
from trainer.jobs.metrics import Metrics
from trainer.jobs.registry import KnownJob, known_jobs

sys.path.insert(0, str(Path(__file__).parent))  # after those: beside this file stands a trainer.py
from jobs import make  # noqa: E402
from report import Report, Row, median  # noqa: E402
from talking import App, echoes, high  # noqa: E402

_POINTS = 4000
_OPEN_SECONDS, _REDRAW_MS = 0.3, 10.0
_DRAWN = 50  # times
_JOBS, _RUNNING, _LINE_SECONDS = 10, 3, 0.25
_LOG = "한 줄"


class _PageScreen(Screen[None]):
    def compose(self) -> ComposeResult:
        yield JobPage(id="page")
        yield Chart(id="chart")

    CSS = "#chart { width: 120; height: 40; display: none; }"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    parser.add_argument("--only", default="page,echo")
    args = parser.parse_args()
    report = Report("panel", {"lines": args.lines, "repeat": args.repeat}, args.out)
    for part in args.only.split(","):
        with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
            os.environ["KULLM_HOME"] = folder
            {"page": _page, "echo": _echo}[part](report, Path(folder), args.lines, args.repeat)
    report.finish()


def _page(report: Report, home: Path, lines: int, repeat: int) -> None:
    make(home, "full", lines)
    make(home, "empty", 0)
    asyncio.run(_measure(report, repeat))


def _echo(report: Report, home: Path, lines: int, repeat: int) -> None:
    from kullm_tui.core.endpoints.local_engine import stop_engine

    for number in range(_JOBS):
        make(home, f"job-{number}", lines)
    idle: list[float] = []
    open_: list[float] = []
    grown: list[float] = []
    try:
        with _growing(known_jobs()[:_RUNNING]):
            for _ in range(repeat):
                app = App(home, "", {})
                app.rests(2.0)
                idle += echoes(app)
                _opens_a_log(app)
                before = app.resident_mib()
                open_ += echoes(app)
                grown.append(app.resident_mib() - before)
                app.close()
    finally:
        stop_engine()  # the app warms one
    report.add([_echo_row(idle, open_), Row("memory meanwhile", f"{max(grown):+.0f} MiB at most", None, "", None)])


def _opens_a_log(app: App) -> None:
    for keys, shown in (("\x1b[21~", "job-0"), ("\r", "4 기록"), ("4", _LOG), ("/", "찾을 글")):  # F10 and on
        app.types(keys)
        app.waits_for(shown)
        app.rests(2.0)


def _echo_row(idle: list[float], open_: list[float]) -> Row:
    slow, most = high(open_, 0.99), max(open_)
    found = f"p99 {slow:.0f} ms, most {most:.0f}; in the chat p99 {high(idle, 0.99):.0f}, most {max(idle):.0f}"
    raw = {"chat_ms": idle, "page_ms": open_, "load": os.getloadavg()}
    return Row(
        "echo of a key, a job's page open",
        found,
        slow / high(idle, 0.99),
        "p99 <= 50 ms, none > 100",
        slow <= 50 and most <= 100,
        raw,
    )


@contextmanager
def _growing(jobs: Sequence[KnownJob]) -> Iterator[None]:
    """Under locks, as their supervisors hold them."""
    stopping = threading.Event()
    locks = []
    for job in jobs:
        publish(job.directory.state, {"state": "RUNNING", "start": 1, "attempt": 1})
        job.directory.log(1).parent.mkdir(exist_ok=True)
        job.directory.log(1).write_text(f"{_LOG}\n" * 200)
        locks.append(try_lock(job.directory.lock))

    def grow() -> None:
        while not stopping.wait(_LINE_SECONDS):
            for job in jobs:
                row = last_row(job.directory.metrics)
                append(job.directory.metrics, {**row, "step": row["step"] + 1, "time": row["time"] + 1})

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        for lock in locks:
            os.close(lock or 0)


async def _measure(report: Report, repeat: int) -> None:
    jobs = {job.name: job for job in known_jobs()}
    app = KullmApp(config=Config())
    async with app.run_test(size=(140, 45)) as pilot:
        app.collect_when_quiet()  # as on a terminal
        await app.push_screen(_PageScreen())
        page = app.screen.query_one(JobPage)
        await _opened(pilot, page, jobs["empty"].id)
        before = _peak_mib()
        taken = [
            (await _opened(pilot, page, jobs["empty"].id), await _opened(pilot, page, jobs["full"].id))
            for _ in range(repeat)
        ]
        first, more, worked = ([full[at] - empty[at] for empty, full in taken] for at in range(3))
        loads = {"load": os.getloadavg(), "opened": taken}
        report.add(
            [
                _row("page with its numbers, more than an empty one", first, "s", _OPEN_SECONDS, loads),
                _row("page with all of its curves, more than an empty one", more, "s", _OPEN_SECONDS, loads),
                _row("the same, the processor's own time", worked, "s", _OPEN_SECONDS, loads),
                Row(
                    "memory of the full job's page",
                    f"{_peak_mib() - before:.0f} MiB at most",
                    None,
                    "",
                    None,
                    {"before_mib": before},
                ),
            ]
        )
        report.add(_redraws(app.screen, jobs["full"].directory.metrics))


async def _opened(pilot: Pilot[int], page: JobPage, job: str) -> tuple[float, float, float]:
    """Seconds until its numbers were drawn, until all of it was, and what the processor worked for that."""
    page.show(None)
    await pilot.pause()
    began, work = time.perf_counter(), time.process_time()
    page.show(job)
    first = 0.0
    while True:
        look = page.watching.look
        if look and not first:
            first = time.perf_counter() - began
        if look and not look.more:
            await pilot.pause()
            return first, time.perf_counter() - began, time.process_time() - work
        await asyncio.sleep(0.001)


def _redraws(screen: Screen[object], path: Path) -> Sequence[Row]:
    metrics = Metrics(path)
    while metrics.read():
        pass
    points = metrics.points("loss", _POINTS)
    chart = screen.query_one("#chart", Chart)
    chart.display = True
    screen._refresh_layout()
    plot = [_timed(lambda: line_rows([Series("", points)], 120, 40)) for _ in range(_DRAWN)]

    def strips() -> None:
        chart.show(lambda width, height: line_rows([Series("", points)], width, height))
        for y in range(chart.size.height):
            chart.render_line(y)

    drawn = [_timed(strips) for _ in range(_DRAWN)]
    page = [_timed(partial(_all_charts, metrics, Sight())) for _ in range(_DRAWN)]
    moves = [_timed(partial(_all_charts, metrics, Sight(cursor=place))) for place in range(1, _DRAWN + 1)]
    return [
        _row(f"{len(points)} points, the plot's rows", plot, "ms", _REDRAW_MS),
        _row(f"{len(points)} points, as strips of the screen", drawn, "ms", _REDRAW_MS),
        _row("all seven charts of the page, nothing new", page, "ms", None),
        _row("all seven charts of the page, the cursor moved", moves, "ms", None),
    ]


def _all_charts(metrics: Metrics, sight: Sight) -> None:
    for panel in PANELS:
        chart_rows(panel, metrics, sight, 70, 11)


def _timed(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return 1000 * (time.thread_time() - began)


def _row(name: str, taken: Sequence[float], unit: str, most: float | None, raw: Mapping[str, Any] | None = None) -> Row:
    middle = median(taken)
    told = f"{middle:.2f} {unit} ({min(taken):.2f}–{max(taken):.2f})"
    met = None if most is None else middle <= most
    return Row(
        name,
        told,
        middle / most if most else None,
        f"≤ {most} {unit}" if most else "",
        met,
        {"taken": list(taken), **(raw or {})},
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
