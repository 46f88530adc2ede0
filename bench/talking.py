"""The app while replies stream, beside itself idle and beside the engine alone.

    python bench/talking.py [--checkpoint FOLDER] [--only echo,streaming] [--repeat 5]

echo        from a key's byte into the terminal until it is on the screen, nothing streaming and three replies streaming
streaming   tokens a second of a reply in the app, and asked of the same engine without the app

FOLDER is from `bench/weights.py`; without it the 1.3b shape is written to a temporary folder.
"""

import argparse
import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
from report import Report, Row, median  # noqa: E402
from terminal_clock import SEQUENCE  # noqa: E402

_LETTERS = "QWRYUIPASDHJKLZXCVNM"  # none of them is repainted by a header or footer
_PRESSES, _WORDS_A_SECOND, _REPLIES = 200, 30, 3
_TOKENS = 96
_SECONDS = 120.0
_LATEST = 32_768  # bytes


class App:
    """The app in a pseudo-terminal, with a model that is already chosen."""

    def __init__(self, home: Path, model: str, decoding: dict[str, Any]) -> None:
        session = {"model": model, "configured": "", "decoding": decoding}
        (home / "session.json").write_text(json.dumps(session))
        self._seen = b""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            termios.tcsetwinsize(0, (40, 120))
            environment = {**os.environ, "KULLM_HOME": str(home), "KULLM_LANG": "ko", "TERM": "xterm-256color"}
            environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
            os.execve(sys.executable, [sys.executable, "-P", "-m", "kullm_tui"], environment)
        self.waits_for("보내기")

    def types(self, text: str) -> None:
        self._seen = b""
        os.write(self._terminal, text.encode())

    def waits_for(self, text: str) -> None:
        """It looks when something new has come, at the end of it: a terminal that looks all the time takes a core from those it measures."""
        deadline = time.monotonic() + _SECONDS
        while text.encode() not in SEQUENCE.sub(b"", self._seen[-_LATEST:]):
            if time.monotonic() > deadline:
                raise TimeoutError(text)
            self._read(0.5)

    def rests(self, seconds: float) -> None:
        """What it shows meanwhile is read, as a terminal does."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def resident_mib(self) -> float:
        told = Path(f"/proc/{self._pid}/status").read_text()
        return int(next(line.split()[1] for line in told.splitlines() if line.startswith("VmRSS"))) / 1024

    def close(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def _read(self, seconds: float) -> None:
        if select.select([self._terminal], [], [], seconds)[0]:
            try:
                self._seen += os.read(self._terminal, 65536)
            except OSError as error:  # Linux reports the end of a terminal as an error
                raise EOFError(SEQUENCE.sub(b"", self._seen).decode(errors="replace")[-2000:]) from error


def echo(home: Path, _checkpoint: Path, repeat: int) -> list[Row]:
    idle: list[float] = []
    streaming: list[float] = []
    with _far() as far:
        assert far.stdout
        address = f"http://127.0.0.1:{int(far.stdout.readline())}/v1"
        (home / "config.toml").write_text(f'[[endpoints]]\nname = "far"\nbase_url = "{address}"\n')
        for _ in range(repeat):
            app = App(home, "far/endless", {})
            app.rests(2.0)
            idle += echoes(app)
            for number in range(_REPLIES):
                app.types("\x0e" if number else "")  # ctrl+n
                app.rests(0.3)
                app.types(f"{number}\r")
                far.stdout.readline()
                app.rests(1.0)
            streaming += echoes(app)
            app.close()
    slow, most = high(streaming, 0.99), max(streaming)
    found = f"p99 {slow:.0f} ms, most {most:.0f}; idle p99 {high(idle, 0.99):.0f}, most {max(idle):.0f}"
    raw = {"idle_ms": idle, "streaming_ms": streaming}
    return [
        Row(
            f"echo of a key, {_REPLIES} replies streaming",
            found,
            slow / high(idle, 0.99),
            "p99 <= 50 ms, none > 100",
            slow <= 50 and most <= 100,
            raw,
        )
    ]


def echoes(app: App) -> list[float]:
    """Milliseconds from each key's byte until its letter is on the screen; what is typed goes where the focus is."""
    found = []
    for number in range(_PRESSES):
        letter = _LETTERS[number % len(_LETTERS)]
        if number and number % len(_LETTERS) == 0:
            app.types("\x7f" * len(_LETTERS))
            app.rests(0.2)
        pressed = time.perf_counter()
        app.types(letter)
        app.waits_for(letter)
        found.append((time.perf_counter() - pressed) * 1000)
        app.rests(0.02 + 0.001 * (number * 7 % 40))
    app.types("\x7f" * len(_LETTERS))
    app.rests(0.2)
    return found


def high(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def streaming(home: Path, checkpoint: Path, repeat: int) -> list[Row]:
    sides: dict[str, list[float]] = {"app": [], "engine": []}
    for turn in range(repeat + 1):
        through_the_app = _asked_in_the_app(home, checkpoint)
        alone = asyncio.run(_asked_of_the_engine(checkpoint))
        if turn:  # the first loads the model
            sides["app"].append(through_the_app)
            sides["engine"].append(alone)
    app, engine = median(sides["app"]), median(sides["engine"])
    found = f"{app:.2f} : {engine:.2f} tokens/s"
    return [Row("a reply in the app : the engine alone", found, app / engine, ">= 0.95", app / engine >= 0.95, sides)]


_DECODING = {
    "max_tokens": _TOKENS,
    "temperature": 1.0,
    "seed": 1,
}  # at 0 random weights go in circles, which are guessed
_QUESTION = "1 2 3"


def _asked_in_the_app(home: Path, checkpoint: Path) -> float:
    from kullm_tui.core.store.store import Store

    app = App(home, str(checkpoint), _DECODING)
    app.types(f"{_QUESTION}\r")
    app.waits_for(f"{_TOKENS}토큰")  # the line below a reply that has ended
    app.close()
    with Store(home / "kullm.db") as store:
        reply = store.thread(store.conversations(limit=1)[0].id)[-1]
    return _rate(reply.completion_tokens, reply.timings)


async def _asked_of_the_engine(checkpoint: Path) -> float:
    from kullm_tui.core.endpoints.client import engine_endpoint, stream_chat
    from kullm_tui.core.endpoints.endpoint import Finished
    from kullm_tui.core.endpoints.local_engine import ensure_engine
    from kullm_tui.core.records import Message

    state = ensure_engine()
    endpoint = engine_endpoint(state.url, state.token)
    question = [Message("user", _QUESTION)]
    async for piece in stream_chat(endpoint, model=str(checkpoint), messages=question, decoding=_DECODING):
        if isinstance(piece, Finished):
            return _rate(piece.usage.completion_tokens, piece.timings)
    raise AssertionError("a reply without an end")


def _rate(tokens: int | None, timings: Any) -> float:
    """From the first text until the end, both on the clock of the client."""
    seconds = (timings["client_total_ms"] - timings["client_first_text_ms"]) / 1000
    return float(((tokens or 0) - 1) / seconds)


@contextmanager
def _far() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", str(Path(__file__).parent / "side_far.py"), str(_WORDS_A_SECOND)]
    far = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield far
    finally:
        far.kill()
        far.wait()


_PARTS = {"echo": echo, "streaming": streaming}


def main() -> None:
    from kullm_tui.core.endpoints.local_engine import stop_engine

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--only", default=",".join(_PARTS))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    arguments = parser.parse_args()
    report = Report("talking", {name: str(value) for name, value in vars(arguments).items()}, arguments.out)
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as scratch:
        parts = arguments.only.split(",")
        checkpoint = arguments.checkpoint
        if checkpoint is None and "streaming" in parts:
            from weights import write_checkpoint

            checkpoint = write_checkpoint("1.3b", Path(scratch) / "weights")
        for name in parts:
            home = Path(scratch) / name
            home.mkdir(mode=0o700)
            os.environ["KULLM_HOME"] = str(home)
            try:
                report.add(_PARTS[name](home, checkpoint, arguments.repeat))
            finally:
                stop_engine()  # the app warms one, whoever answers
    report.finish()


if __name__ == "__main__":
    main()
