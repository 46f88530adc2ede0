import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from kullm_tui.core.config.settings import Precision
from kullm_tui.engine.batch import Batch, Limits
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.loading import load_model

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

    def open_it(
        folder: Path,
        *,
        precision: Precision = "fp32",
        rows: int = 8,
        kv_tokens: int = 4096,
        prefix_bytes: int = 0,
        adapters: dict[str, Path] | None = None,
    ) -> Batch:
        loaded = load_model(
            folder, precision=precision, device=torch.device("cpu"), progress=lambda _: None, cancelled=lambda: False
        )
        rack = AdapterRack(loaded.model)
        for name, adapter in (adapters or {}).items():
            rack.attach(name, adapter)
        batch = Batch(
            loaded.model,
            rack,
            Limits(rows=rows, context=512, kv_tokens=kv_tokens, kv_bytes_per_token=1024, prefix_bytes=prefix_bytes),
            threading.Lock(),
        )
        opened.append(batch)
        return batch

    yield open_it
    for batch in opened:
        batch.close()
