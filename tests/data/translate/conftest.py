"""A home of its own for each test, and a cache in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.translate.cache import TranslationCache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")
    return tmp_path / "home"


@pytest.fixture
def cache() -> Iterator[TranslationCache]:
    with TranslationCache() as opened:
        yield opened
