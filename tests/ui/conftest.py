import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.engine_process import stop_engine


@pytest.fixture(scope="session")
def _engine_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One engine answers all tests of the chat; it ends with them."""
    home = tmp_path_factory.mktemp("chat-home")
    yield home
    before = os.environ.get("KULLM_HOME")
    os.environ["KULLM_HOME"] = str(home)
    try:
        stop_engine()
    finally:
        if before is None:
            del os.environ["KULLM_HOME"]
        else:
            os.environ["KULLM_HOME"] = before


@pytest.fixture
def chat_home(_engine_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the shared engine, with nothing left of the habits of another test."""
    monkeypatch.setenv("KULLM_HOME", str(_engine_home))
    monkeypatch.setenv("KULLM_LANG", "ko")
    for name in ("session.json", "consent.json", "personas.toml", "config.toml"):
        (_engine_home / name).unlink(missing_ok=True)
    return _engine_home


@pytest.fixture
def database(chat_home: Path, tmp_path: Path) -> Path:
    assert chat_home.is_dir()
    return tmp_path / "kullm.db"
