"""A file for conversations, and the store that is opened on it; its sentences are Korean."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.store.store import Store


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_LANG", "ko")
    return tmp_path / "kullm.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened
