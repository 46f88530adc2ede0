from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.core.store.store import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Of a home of its own; its sentences are Korean."""
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    with Store(tmp_path / "kullm.db") as opened:
        yield opened
