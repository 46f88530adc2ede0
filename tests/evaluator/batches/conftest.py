"""A server that takes batches, and a program that asks after them without a pause."""

from collections.abc import Iterator

import pytest

from evaluator.batches import batch_judging
from tests.evaluator.batch_server import BatchServer


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_judging, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(batch_judging, "_GROWTH", 1.0)
    monkeypatch.setattr(batch_judging, "_LONGEST_HOLD_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as running:
        yield running
