import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.asking.live_reply import LiveReply
from kullm_tui.core.endpoints import models
from kullm_tui.core.endpoints.local_engine import stop_engine
from kullm_tui.core.memory import Memory
from kullm_tui.core.models import catalogue
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.models import choices
from tests import processes
from tests.ui import pauses

MEMORY = Memory("gpu", 24_000_000_000, 19_500_000_000)

_NOON = 1_795_230_000.0  # 2026-11-21, 12:00 in Seoul


@pytest.fixture(autouse=True)
def _typing_starts_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only in apps that run in a terminal of their own."""
    monkeypatch.setattr(KullmApp, "warm_engine", lambda _: None)


@pytest.fixture(autouse=True)
def slow_openings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that is tested: on a busy machine any opening is slow, and a picture would have the notice on it."""
    monkeypatch.setattr(KullmApp, "_tell_opening", lambda _: None)


@pytest.fixture(autouse=True)
def _a_pause_lasts_until_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses.last_until_nothing_is_due(monkeypatch)


@pytest.fixture(autouse=True)
def _nobody_else_serves_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else runs on the machine of the test is no part of it."""
    monkeypatch.setattr(models, "SERVERS", ())


@pytest.fixture
def _noon() -> Iterator[None]:
    """Of a day in Seoul, however long the test takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Seoul")
        time.tzset()
        patch.setattr(time, "time", lambda: _NOON)
        yield
    time.tzset()


@pytest.fixture
def _still_machine(_noon: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a picture says of memory, of downloads and of how long a reply takes is the same everywhere."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr(catalogue, "list_cached", list)  # whatever tests before this one have quantised
    monkeypatch.setattr(choices, "memory_here", lambda _: MEMORY)
    monkeypatch.setattr(LiveReply, "seconds", 3.2)


@pytest.fixture(scope="session")
def _engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One engine answers all tests of the chat; it ends with them."""
    home = tmp_path_factory.mktemp("chat-home")
    yield home
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KULLM_HOME", str(home))
        stop_engine()


@pytest.fixture
def chat_home(_engine_home: Path, monkeypatch: pytest.MonkeyPatch, mark_of_all_tests: str) -> Path:
    """The home of the shared engine, with nothing left of the habits of another test."""
    monkeypatch.setenv(processes.MARK, mark_of_all_tests)
    monkeypatch.setenv("KULLM_HOME", str(_engine_home))
    monkeypatch.setenv("KULLM_LANG", "ko")
    for name in ("session.json", "compare.json", "consent.json", "personas.toml", "config.toml", "kept-models.json"):
        (_engine_home / name).unlink(missing_ok=True)
    return _engine_home


@pytest.fixture
def database(chat_home: Path, tmp_path: Path) -> Path:
    assert chat_home.is_dir()
    return tmp_path / "kullm.db"
