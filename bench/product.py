"""The product as it runs, watched while it is attacked: what an honest client waits, what memory it takes, what its log says."""

import contextlib
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.engine.server import Server, serving
from tests.kullm_command import COMMAND, environment

_POLL_SECONDS = 0.05
_COMMAND_SECONDS = 30.0
_TOO_MUCH_MB = 4_000.0  # what grows beyond it is ended before it takes the machine along


class Honest(threading.Thread):
    """Asks one short streamed question again and again. Being told to come again is waiting too."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._server, self._ended = server, threading.Event()
        self.waits: list[float] = []
        self.faults = Counter[str]()

    def run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                while (status := self._ask(began)) == 503:
                    time.sleep(1)
                if status != 200:
                    self.faults[f"honest client: {status}"] += 1
            except (httpx2.HTTPError, OSError) as error:
                self.waits.append(time.monotonic() - began)
                self.faults[f"honest client: {type(error).__name__}"] += 1

    def _ask(self, last: float) -> int:
        body = {"model": "demo", "messages": [{"role": "user", "content": "안녕?"}], "max_tokens": 4, "stream": True}
        with httpx2.stream(
            "POST", f"{self._server.url}/v1/chat/completions", json=body, headers=self._server.headers, timeout=120
        ) as response:
            for _ in response.iter_raw():
                if response.status_code == 200:
                    self.waits.append(time.monotonic() - last)
                    last = time.monotonic()
        return int(response.status_code)

    def stop(self) -> float:
        """The longest that it waited for the next piece."""
        self._ended.set()
        self.join(180)
        return max(self.waits, default=float("inf"))


class Memory(threading.Thread):
    """The greatest resident size of a process with its children, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process, self._ended, self.peak = psutil.Process(pid), threading.Event(), 0.0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            with contextlib.suppress(psutil.Error):
                everyone = [self._process, *self._process.children(recursive=True)]
                self.peak = max(self.peak, sum(_resident(one) for one in everyone) / 1e6)
                if self.peak > _TOO_MUCH_MB:
                    self._process.kill()

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self.peak


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


@dataclass
class Ended:
    """A command that has ended, or was ended because it did not."""

    code: int | None
    said: str
    peak: float
    seconds: float


@dataclass
class Product:
    """A fresh home with its commands and, where the row wants one, its server."""

    home: Path
    server: Server | None = None
    answered: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    peak: float = 0.0  # of the commands

    def post(self, path: str, body: bytes | Mapping[str, Any], **options: Any) -> httpx2.Response:
        """An attacker's request; what it is answered counts."""
        assert self.server
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**self.server.headers, "Content-Type": "application/json"}
        response = httpx2.post(f"{self.server.url}{path}", content=content, headers=headers, timeout=120, **options)
        self.answered[response.status_code] += 1
        if response.status_code >= 500 and not (response.status_code == 503 and response.headers.get("retry-after")):
            self.broken.append(f"answered {response.status_code}: {response.text[:120]}")
        return response

    def kullm(self, *arguments: str, stdin: bytes = b"", seconds: float = _COMMAND_SECONDS, **more: str) -> Ended:
        """A verb, with its memory; neither a traceback nor a bug of ours may be told."""
        began = time.monotonic()
        child = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(self.home, PYTHONWARNINGS="ignore", **more),
        )
        memory = Memory(child.pid)
        try:
            said, code = child.communicate(stdin, timeout=seconds)[0], child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            said, code = child.communicate()[0], None
            self.broken.append(f"kullm {' '.join(arguments)[:50]} did not end in {seconds:.0f} s")
        text = said.decode(errors="replace")
        if "Traceback" in text or "kullm 안의 오류" in text:
            self.broken.append(f"kullm {' '.join(arguments)[:50]}: {text.strip().splitlines()[-1][:160]}")
        ended = Ended(code, text, memory.stop(), time.monotonic() - began)
        self.peak = max(self.peak, ended.peak)
        return ended

    def expect(self, held: bool, otherwise: str) -> None:
        if not held:
            self.broken.append(otherwise)


@contextlib.contextmanager
def running(folder: Path, *arguments: str, descriptors: int | None = None) -> Iterator[Server]:
    """`kullm serve`, as a person begins it, after its first answer."""
    (folder / "home").mkdir(mode=0o700, parents=True, exist_ok=True)
    with serving(
        folder / "home",
        "-m",
        "demo=demo-base",
        *arguments,
        environment={"KULLM_API_KEY": "test-key"},
        descriptors=descriptors,
    ) as server:
        server.chat("demo", "안녕?")
        yield server


def tracebacks(folder: Path) -> int:
    logs = [file for file in folder.rglob("*.log") if file.is_file()]
    return sum(file.read_text(errors="replace").count("Traceback (most") for file in logs)


def log_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.log"))
