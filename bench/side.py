"""One side of a comparison in a process of its own, told what to do line by line.

    parent  {"do": "decode", "context": 32, "tokens": 48}          child  {"seconds": 4.9}

A side is a module with `class Side`; its methods take keywords and return something JSON can carry.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.02


class SideEnded(SystemExit):
    """A side is gone that should have answered; whoever does not catch it ends with it."""


class Child:
    """A side that was started. `peak` is its largest anonymous memory so far, in bytes."""

    def __init__(self, module: str, *, python: str = sys.executable, environment: dict[str, str] | None = None) -> None:
        from kullm_tui.core import processor  # late: a side may run where kullm is not installed

        self._process = subprocess.Popen(
            [python, "-P", str(Path(__file__).with_name(f"{module}.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=processor.environment(processor.setting(), {**os.environ, **(environment or {})}),
        )
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def do(self, action: str, /, **options: Any) -> Any:
        """Its answer. SideEnded where it is gone."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"do": action, **options}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise SideEnded(f"the side ended ({self._process.wait()}) while it did {action}")
        return json.loads(line)

    @contextmanager
    def ended_after(self, seconds: float) -> Iterator[None]:
        """Within, it has so many seconds; then it is ended, whatever it does."""
        timer = threading.Timer(max(0.0, seconds), self._process.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def end(self) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _watch(self) -> None:
        while self._process.poll() is None:
            self.peak = max(self.peak, anonymous_bytes(self._process.pid))
            time.sleep(_POLL_SECONDS)


def anonymous_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:"))


def serve(side: Any) -> None:
    """The child's loop. What libraries print must not meet the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(side, order.pop("do"))(**order)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)  # the engine's own threads are still there
