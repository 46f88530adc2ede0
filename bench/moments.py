"""Moments that a person would wait for, each against the promised seconds: the tests only see that they come.

    python bench/moments.py [--only help,typing,killed,interrupted,silent,unread] [--repeat 5] [--out FOLDER]

help         what `kullm --help` imports
typing       a pasted megabyte in the prompt, and a key in the longest paste that is shown
killed       from kill -9 of the engine in mid-stream until its client says so
interrupted  from ctrl-c of `kullm ask` in mid-stream until it has ended
silent       `kullm doctor` in a terminal that answers nothing
unread       from SIGTERM of the app in a terminal that nobody reads until it has ended

Nothing else may work on the machine meanwhile.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
from report import Report, Row, median  # noqa: E402
from textual.events import Paste  # noqa: E402

from kullm_tui.core.asking.thinking import Delta  # noqa: E402
from kullm_tui.core.endpoints.client import engine_endpoint, stream_chat  # noqa: E402
from kullm_tui.core.endpoints.local_engine import ensure_engine, stop_engine  # noqa: E402
from kullm_tui.core.errors import EngineGone  # noqa: E402
from kullm_tui.core.records import Message  # noqa: E402
from kullm_tui.ui.widgets.text_field import LONGEST_SHOWN  # noqa: E402
from tests.far_words import Words  # noqa: E402
from tests.kullm_command import Terminal, environment, start  # noqa: E402
from tests.openai_server import OpenAIServer, Reply, chunk  # noqa: E402
from tests.ui.conversation.test_prompt import Page  # noqa: E402
from tests.ui.real_terminal import AppTerminal  # noqa: E402

_MODEL = "demo-kullm"
_PRESSES = 5
_UNREAD_SECONDS = 4.0  # what is painted meanwhile is more than a terminal holds


def help_imports(home: Path) -> float:
    command = [sys.executable, "-P", "-X", "importtime", "-m", "kullm_tui", "--help"]
    told = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=True).stderr
    own = [line.split("|")[0].removeprefix("import time:") for line in told.splitlines() if "|" in line]
    return sum(int(microseconds) for microseconds in own[1:]) / 1e6


def megabyte_pasted(_: Path) -> float:
    return asyncio.run(_pasted("한글 줄입니다.\n" * 80_000, ""))


def key_in_the_longest_paste(_: Path) -> float:
    return asyncio.run(_pasted("가" * LONGEST_SHOWN, "나다라마바"[:_PRESSES])) / _PRESSES


async def _pasted(text: str, keys: str) -> float:
    """With keys, what they take; without, what the paste does."""
    app = Page()
    async with app.run_test(size=(80, 24)) as pilot:
        began = time.perf_counter()
        app.post_message(Paste(text))
        await pilot.pause()
        if keys:
            began = time.perf_counter()
            await pilot.press(*keys)
        return time.perf_counter() - began


def engine_killed(home: Path) -> float:
    os.environ["KULLM_HOME"] = str(home)
    try:
        return asyncio.run(_killed_in_mid_stream())
    finally:
        stop_engine()


async def _killed_in_mid_stream() -> float:
    state, killed = ensure_engine(), 0.0
    asked = stream_chat(
        engine_endpoint(state.url, state.token),
        model=_MODEL,
        messages=[Message("user", "대한민국의 수도는 어디인가요?")],
        decoding={"max_tokens": 400, "logit_bias": {"0": -100}},
    )
    try:
        async for event in asked:
            if isinstance(event, Delta) and not killed:
                os.kill(state.pid, signal.SIGKILL)
                killed = time.monotonic()
    except EngineGone:
        return time.monotonic() - killed
    raise AssertionError("the reply came whole")


def ask_interrupted(home: Path) -> float:
    with OpenAIServer([Reply([chunk("반쪽"), 60.0])]) as far:
        _configured(home, far)
        child = start(home, "ask", "안녕?")
        assert child.stdout is not None
        os.read(child.stdout.fileno(), 100)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        child.communicate()
        return time.monotonic() - began


def terminal_that_answers_nothing(home: Path) -> float:
    terminal = Terminal(home, "doctor")
    terminal.waits_for("환경")
    began = time.monotonic()
    terminal.ends()
    return time.monotonic() - began


def app_that_nobody_reads(home: Path) -> float:
    words = Words(pause=0.01)
    with OpenAIServer([Reply(words)]) as far:
        _configured(home, far)
        with AppTerminal(home, columns=140, lines=45) as terminal:
            terminal.waits_for("무엇이든 물어보세요")
            terminal.types("세어 줘")
            terminal.waits_for("세어 줘")
            terminal.types("\r")
            words.waits_for_the_first()
            time.sleep(_UNREAD_SECONDS)
            os.kill(terminal.pid, signal.SIGTERM)
            began = time.monotonic()
            while os.waitid(os.P_PID, terminal.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                time.sleep(0.01)
            return time.monotonic() - began


def _configured(home: Path, far: OpenAIServer) -> None:
    (home / "config.toml").write_text(f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{far.base_url}"\n')


_PARTS: dict[str, list[tuple[str, Callable[[Path], float], float]]] = {
    "help": [("`kullm --help` imports", help_imports, 0.15)],
    "typing": [
        ("a megabyte is pasted", megabyte_pasted, 2.0),
        ("a key in the longest paste that is shown", key_in_the_longest_paste, 0.2),
    ],
    "killed": [("the engine is killed in mid-stream, and its client says so", engine_killed, 2.0)],
    "interrupted": [("ctrl-c of `kullm ask` in mid-stream", ask_interrupted, 3.0)],
    "silent": [("`kullm doctor` in a terminal that answers nothing", terminal_that_answers_nothing, 5.0)],
    "unread": [("SIGTERM of the app that nobody reads", app_that_nobody_reads, 10.0)],
}


def measured(promise: str, work: Callable[[Path], float], most: float, repeat: int) -> Row:
    found = []
    for _ in range(repeat + 1):
        with tempfile.TemporaryDirectory() as home:
            found.append(work(Path(home)))
    found = found[1:]  # the first fills the disk's cache
    took = median(found)
    return Row(promise, f"{took:.3f} s (at most {max(found):.3f})", took / most, f"<= {most:g} s", took <= most, {"seconds": found})  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(_PARTS))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("bench-results"))
    chosen = parser.parse_args()
    report = Report("moments", {"repeat": chosen.repeat}, chosen.out)
    for name in chosen.only.split(","):
        for promise, work, most in _PARTS[name]:
            report.add([measured(promise, work, most, chosen.repeat)])
    report.finish()


if __name__ == "__main__":
    main()
