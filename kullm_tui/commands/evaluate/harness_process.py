"""The two children of `kullm eval harness`: a `kullm serve` of its own, and lm-evaluation-harness. Neither outlives its block."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.errors import EngineStartError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import adapter_folder
from kullm_tui.core.models.resolve import local_folder, resolve
from kullm_tui.core.text import terminal_safe

_NAME = "evaluated"  # what the model is called on the server that is started for it
_ENDING_SECONDS = 15.0


@dataclass(frozen=True)
class Served:
    """A server that answers: its address, what it calls the model, its key."""

    base_url: str
    model: str
    key: str


@contextmanager
def served(model: str, adapter: str, narration: Narration) -> Iterator[Served]:
    """A `kullm serve` with this model, and the adapter over it, that lives as long as the block."""
    key = secrets.token_urlsafe(32)
    command = [sys.executable, "-P", "-m", "kullm_tui", "serve", "--json", "--port", "0"]
    command += ["-m", f"{'base' if adapter else _NAME}={model}"]
    command += ["--adapter", f"{_NAME}={_adapter_folder(adapter)}"] if adapter else []
    narration.progress(say("모델을 여는 중 …", "opening the model …"))
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "KULLM_API_KEY": key},
        )
        try:
            assert server.stdout
            line = server.stdout.readline()
            if not line:
                log.seek(0)
                raise EngineStartError(
                    terminal_safe(log.read().decode(errors="replace").strip().removeprefix("kullm: "))
                )
            yield Served(f"{json.loads(line)['url']}/v1", _NAME, key)
        finally:
            _ended(server)
            assert server.stdout
            server.stdout.close()


def _adapter_folder(name: str) -> Path:
    return adapter_folder(name) or local_folder(resolve(name))


def run_child(command: list[str], environment: Mapping[str, str], log: Path, narration: Narration) -> None:
    """The harness, its progress shown as it says it, all its words kept in `log`. KullmError with the last where it fails."""
    harness = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=dict(environment)
    )
    last = ""
    try:
        assert harness.stderr
        with log.open("w", encoding="utf-8") as record:
            for last in _said(harness.stderr.fileno()):
                record.write(f"{last}\n")
                narration.progress(last)
        code = harness.wait()
    finally:
        _ended(harness)
        assert harness.stderr
        harness.stderr.close()
        narration.clear()
    if code:
        raise KullmError(
            say(
                f"lm-evaluation-harness가 멈췄어요: {last or code}\n전체 기록: {log}",
                f"lm-evaluation-harness stopped: {last or code}\nAll it said: {log}",
            )
        )


def _said(descriptor: int) -> Iterator[str]:
    """Lines as they come; a progress bar's carriage return ends one too."""
    held = b""
    while piece := os.read(descriptor, 65536):
        *lines, held = (held + piece).replace(b"\r", b"\n").split(b"\n")
        yield from (text for line in lines if (text := terminal_safe(line.decode(errors="replace")).strip()))
    if held.strip():
        yield terminal_safe(held.decode(errors="replace")).strip()


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
