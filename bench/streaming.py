"""A long reply while it streams, beside writing the same text bare, in one run, repetitions interleaved.

    python bench/streaming.py [--only list,code] [--repeat 5] [--pace 200]

At a pace both sides get the same pieces, and the peer is Textual's `Log`, the cheapest widget that can show lines: no Markdown, no folding, no colours.
As fast as possible the reply still comes in pieces of four characters, but the peer gets the whole text in one write: into `RichLog` and into `Static`, which fold
lines as a reply does, and the faster one counts; `Log` is in the raw figures. Every run is a process of its own, its app without a terminal, timed from the first
piece until the screen has been drawn with the last. The worst lag is how late the event loop woke from 1 ms of sleep.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from report import Report, Row, median  # noqa: E402
from textual.app import App, ComposeResult  # noqa: E402
from textual.containers import VerticalScroll  # noqa: E402
from textual.content import Content  # noqa: E402
from textual.widget import Widget  # noqa: E402
from textual.widgets import Log, RichLog, Static  # noqa: E402

from kullm_tui.ui.markdown.reply_view import Reply  # noqa: E402

_PIECES = 1000  # of a paced stream: five seconds at 200 a second
_TOKEN = 4  # characters of a piece that comes as fast as possible
_TOGETHER = 100  # pieces that have come when a loop that is busy looks again
_MOST_LAG = 0.1
_SIZE = (120, 40)

TEXTS = {
    "list": "".join(f"- **{n}번(항목)**은 `코드`와 함께 목록의 길이를 재는 한국어 문장입니다.\n" for n in range(2000)),
    "code": "```python\n" + "".join(f'값_{n} = 계산({n}, "글자열 {n}")  # {n}번째 줄\n' for n in range(2000)) + "```\n",
    "table": "".join(
        f"\n| 도시 | 인구 | 설명 {n} |\n|---|--:|---|\n"
        + "".join(f"| **서울** {row} | {row}000 | 한강을 낀 도시 |\n" for row in range(20))
        for n in range(30)
    ),
    "paragraphs": "".join(
        f"**{n}번째(단락)**는 " + "화면의 너비를 넘어 여러 줄로 이어지는 한국어 문장입니다. " * 5 + "\n\n"
        for n in range(400)
    ),
}


_PROMISED = ("list", "code")


@dataclass(frozen=True)
class Run:
    seconds: float
    busy: float  # seconds of the processor
    lag: float
    widgets: int


class _Bench(App[None]):
    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.anchor()
            yield self.widget


async def ours(reply: Reply, pieces: Sequence[str], pace: float) -> None:
    await _fed(pieces, pace, reply.append)
    await reply.finish()


async def into_log(log: Log, pieces: Sequence[str], pace: float) -> None:
    await _fed(pieces if pace else ["".join(pieces)], pace, log.write)


async def into_rich_log(log: RichLog, pieces: Sequence[str], _pace: float) -> None:
    log.write("".join(pieces))


async def into_static(static: Static, pieces: Sequence[str], _pace: float) -> None:
    static.update(Content("".join(pieces)))


SIDES: dict[str, tuple[Callable[[], Widget], Callable[..., Awaitable[None]]]] = {
    "reply": (Reply, ours),
    "Log": (Log, into_log),
    "RichLog": (lambda: RichLog(wrap=True), into_rich_log),
    "Static": (Static, into_static),
}


async def _fed(pieces: Sequence[str], pace: float, write: Callable[[str], object]) -> None:
    began = time.perf_counter()
    for number, piece in enumerate(pieces):
        wait = began + number / pace - time.perf_counter() if pace else 0.0
        if pace or not number % _TOGETHER:
            await asyncio.sleep(max(0.0, wait))
        write(piece)


async def _shown(app: App[None]) -> None:
    painted = asyncio.Event()
    app.screen.call_after_refresh(painted.set)
    await painted.wait()


async def measured(side: str, text: str, pace: float) -> Run:
    size = max(1, -(-len(text) // _PIECES)) if pace else _TOKEN
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    widget, write = SIDES[side]
    app = _Bench(widget())
    async with app.run_test(size=_SIZE) as pilot:
        await pilot.pause()
        gc.collect()
        lag = _Lag()
        began, busy = time.perf_counter(), time.thread_time()
        await write(app.widget, pieces, pace)
        await _shown(app)
        seconds, busy = time.perf_counter() - began, time.thread_time() - busy
        return Run(seconds, busy, lag.ended(), len(app.query("*")))


class _Lag:
    """How late the event loop was at worst, since this was made."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._task = asyncio.create_task(self._watch())

    def ended(self) -> float:
        self._task.cancel()
        return self._worst

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self._worst = max(self._worst, time.perf_counter() - before - 0.001)


def stream(name: str, pace: float, repeat: int) -> list[Row]:
    peers = ("Log",) if pace else ("RichLog", "Static", "Log")
    runs: dict[str, list[Run]] = {side: [] for side in ("reply", *peers)}
    for _ in range(repeat):
        for side, of_side in runs.items():
            of_side.append(_in_its_own_process(side, name, pace))
    how = f"{name}, {pace:.0f} pieces/s" if pace else f"{name}, as fast as possible"
    peer = min(peers[:2], key=lambda side: median([run.seconds for run in runs[side]]))
    raw = {side: [asdict(run) for run in of_side] for side, of_side in runs.items()}
    lag = max(run.lag for run in runs["reply"])
    return [
        _against(
            f"{how}: time, {peer}",
            [[run.seconds for run in runs[side]] for side in ("reply", peer)],
            name in _PROMISED,
            raw,
        ),
        _against(
            f"{how}: processor, {peer}", [[run.busy for run in runs[side]] for side in ("reply", peer)], False, {}
        ),
        Row(f"{how}: worst lag", f"{1000 * lag:.0f} ms", None, "≤ 100 ms", lag <= _MOST_LAG),
    ]


def _in_its_own_process(side: str, name: str, pace: float) -> Run:
    command = [sys.executable, "-P", __file__, "--run", side, name, str(pace)]
    return Run(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _against(promise: str, sides: Sequence[Sequence[float]], promised: bool, raw: dict[str, Any]) -> Row:
    ours, peer = map(median, sides)
    goal, met = ("≤ 2", ours <= 2 * peer) if promised else ("", None)
    return Row(promise, f"{ours:.2f} : {peer:.2f} s", ours / peer, goal, met, raw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(TEXTS))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--pace", type=float, default=200)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    parser.add_argument("--run", nargs=3, metavar=("SIDE", "TEXT", "PACE"), help="one measurement, by the bench itself")
    arguments = parser.parse_args()
    if arguments.run:
        side, name, pace = arguments.run
        sys.stdout.write(json.dumps(asdict(asyncio.run(measured(side, TEXTS[name], float(pace))))))
        return
    settings = {name: str(value) for name, value in vars(arguments).items()}
    report = Report("streaming", settings, arguments.out)
    for name in arguments.only.split(","):
        for speed in (0.0, arguments.pace):
            report.add(stream(name, speed, arguments.repeat))
    report.finish()


if __name__ == "__main__":
    main()
