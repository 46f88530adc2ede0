import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core import endpoint_models
from kullm_tui.core.engine_process import stop_engine
from kullm_tui.ui.app import KullmApp

_START_SECONDS = 10.0


@pytest.fixture(autouse=True)
def _no_engine_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Typing starts an engine. Here it does only in apps that run in a terminal of their own, whose engines end with the test."""
    monkeypatch.setattr(KullmApp, "warm_engine", lambda _: None)
    yield
    for log in tmp_path.glob("**/engine/*/engine.log"):
        _end_engine(log.with_name("engine.json"))


def _end_engine(state: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            os.kill(json.loads(state.read_text())["pid"], signal.SIGKILL)
            return
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _nobody_else_serves_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else runs on the machine of the test is no part of it."""
    monkeypatch.setattr(endpoint_models, "SERVERS", ())


@pytest.fixture(scope="session")
def _engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One engine answers all tests of the chat; it ends with them."""
    home = tmp_path_factory.mktemp("chat-home")
    yield home
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KULLM_HOME", str(home))
        stop_engine()


@pytest.fixture
def chat_home(_engine_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the shared engine, with nothing left of the habits of another test."""
    monkeypatch.setenv("KULLM_HOME", str(_engine_home))
    monkeypatch.setenv("KULLM_LANG", "ko")
    for name in ("session.json", "compare.json", "consent.json", "personas.toml", "config.toml"):
        (_engine_home / name).unlink(missing_ok=True)
    return _engine_home


@pytest.fixture
def database(chat_home: Path, tmp_path: Path) -> Path:
    assert chat_home.is_dir()
    return tmp_path / "kullm.db"
