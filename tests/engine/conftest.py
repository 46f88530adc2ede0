import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.engine.batch import Batch
from tests.engine.replies import batch_over
from tests.tiny_models import save_model

OpenBatch = Callable[..., Batch]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a home of its own: its caches and its engine are nobody else's."""
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    return tmp_path / "home"


@pytest.fixture
def open_batch() -> Iterator[OpenBatch]:
    """A batch over a checkpoint folder; closed when the test ends."""
    opened: list[Batch] = []

    def open_it(folder: Path, **how: Any) -> Batch:
        opened.append(batch_over(folder, **how))
        return opened[-1]

    yield open_it
    for batch in opened:
        batch.close()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @functools.cache
    def saved(family: str) -> Path:
        return save_model(tmp_path_factory.mktemp(family), family)

    return saved
