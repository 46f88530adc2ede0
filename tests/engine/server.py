"""The real engine as a child process, for tests that talk to it over HTTP."""

import functools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

START_SECONDS = 90


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def post(self, path: str, body: Any, **options: Any) -> httpx2.Response:
        return httpx2.post(self.url + path, json=body, headers=self.headers, timeout=START_SECONDS, **options)

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(self.url + path, headers=self.headers, timeout=START_SECONDS)

    def chat(self, model: object, text: str, **fields: Any) -> dict[str, Any]:
        body = {"model": str(model), "messages": [{"role": "user", "content": text}], "max_tokens": 12} | fields
        response = self.post("/v1/chat/completions", body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)


@contextmanager
def serving(
    home: Path, *arguments: str, environment: Mapping[str, str] | None = None, descriptors: int | None = None
) -> Iterator[Server]:
    """`kullm serve` on a free loopback port, with so many open files at most."""
    command = [sys.executable, "-P", "-m", "kullm_tui", "serve", "--json", "--port", "0", *arguments]
    variables = {**os.environ, "KULLM_HOME": str(home), "KULLM_LANG": "ko", "KULLM_API_KEY": "test-key"} | dict(
        environment or {}
    )
    log = (home.parent / "serve.log").open("w")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=variables, preexec_fn=_limited(descriptors)
    )
    try:
        assert process.stdout
        announced = json.loads(process.stdout.readline())
        yield Server(process, announced["url"], "test-key")
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
        assert process.stdout
        process.stdout.close()
        log.close()


def _limited(descriptors: int | None) -> Callable[[], None] | None:
    if descriptors is None:
        return None
    return functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (descriptors, descriptors))


def wait_until(condition: Any, seconds: float = 240) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
