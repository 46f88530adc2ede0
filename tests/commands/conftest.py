"""A server that speaks OpenAI's protocol, a home that knows it, and the same server in the engine's place."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui import __version__
from kullm_tui.core.endpoints.local_engine import EngineFiles, EngineState
from tests.openai_server import OpenAIServer


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.script.clear()
    running.requests.clear()
    return running


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    (tmp_path / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{server.base_url}"}}]\n')
    return tmp_path


@pytest.fixture
def engine(home: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """The server in the local engine's place: its address published, its lock held."""
    monkeypatch.setenv("KULLM_HOME", str(home))
    files = EngineFiles()
    files.publish(EngineState(os.getpid(), server.base_url.removesuffix("/v1"), "engine-token", __version__))
    with files.alive_lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield server
