"""`kullm ask` against servers that others wrote: transformers' own, and llama.cpp's through llama-cpp-python."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.tiny_models import save_model

START_SECONDS = 90
CHAT_TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], url: str, log: Path) -> Iterator[str]:
    """A peer's server, from its first answer until the block ends."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            _wait_for(url, process, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            httpx2.get(url, timeout=2)
        except httpx2.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text())


def kullm(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KULLM_HOME": str(home), "KULLM_LANG": "ko"}
    command = [sys.executable, "-P", "-m", "kullm_tui", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def ask_through(home: Path, url: str, model: str) -> dict[str, object]:
    added = kullm(home, "models", "add", "peer", "--endpoint", f"{url}/v1", "--model", model)
    assert added.returncode == 0, added.stderr
    plain = kullm(home, "ask", "-m", "peer", "--max-tokens", "8", "--temperature", "0", "대한민국의 수도는?")
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.strip()
    as_json = kullm(
        home, "ask", "-m", "peer", "--max-tokens", "8", "--temperature", "0", "--json", "대한민국의 수도는?"
    )
    assert as_json.returncode == 0, as_json.stderr
    answer: dict[str, object] = json.loads(as_json.stdout)
    assert answer["finish_reason"] == "length"
    return answer


def test_ask_works_against_transformers_serve(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", "llama")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": CHAT_TEMPLATE}))
    port = free_port()
    program = str(Path(sys.executable).with_name("transformers"))
    command = [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with running(command, f"http://127.0.0.1:{port}", tmp_path / "serve.log") as url:
        assert ask_through(tmp_path / "home", url, str(folder))["text"]


@pytest.mark.peers
def test_ask_works_against_llama_cpp_pythons_server(tmp_path: Path) -> None:
    python = os.environ.get("KULLM_LLAMA_CPP_PYTHON", "")
    if not python:
        pytest.skip("KULLM_LLAMA_CPP_PYTHON does not name a Python with llama-cpp-python[server] and gguf")
    file, port = tmp_path / "tiny.gguf", free_port()
    subprocess.run([python, str(Path(__file__).parents[1] / "gguf_model.py"), str(file)], check=True)
    command = [python, "-m", "llama_cpp.server", "--model", str(file), "--host", "127.0.0.1", "--port", str(port)]
    with running(command, f"http://127.0.0.1:{port}", tmp_path / "llama.log") as url:
        assert "text" in ask_through(tmp_path / "home", url, "tiny")
