"""Quantising ahead of the first question, by the real engine and with a real checkpoint."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kullm_tui.core.endpoints.local_engine import stop_engine
from kullm_tui.core.errors import ModelNotFound
from kullm_tui.core.models.registration import register
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.models.weights_cache import list_cached
from kullm_tui.ui.models.quantisation import Quantisation, Quantising
from tests.tiny_models import Shape, save_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    yield tmp_path
    stop_engine()


async def settled(one: Quantisation) -> Quantisation:
    assert one._task
    async with asyncio.timeout(240):
        await one._task
    return one


async def test_a_model_is_quantised_and_a_stopped_one_goes_on(home: Path) -> None:
    folder = save_model(home / "model", shape=Shape(hidden=512, layers=16), dtype=torch.bfloat16)
    register("tiny", {"folder": str(folder)})
    ended: list[str] = []
    quantising = Quantising(lambda one: ended.append(one.state))
    one = quantising.start(resolve("tiny"))
    assert quantising.start(resolve("tiny")) is one
    async with asyncio.timeout(240):
        while one.state == "starting":
            await asyncio.sleep(0.005)
    quantising.stop("tiny")
    assert (await settled(one)).state in ("stopped", "done")
    assert (await settled(quantising.start(resolve("tiny")))).state == "done"
    assert ended[-1] == "done"
    assert [(cached.precision, cached.complete) for cached in list_cached()] == [("4bit", True)]


async def test_a_model_that_cannot_be_loaded_is_told(home: Path) -> None:
    folder = save_model(home / "model")
    (folder / "model.safetensors").write_bytes(b"garbage")
    register("broken", {"folder": str(folder)})
    one = await settled(Quantising().start(resolve("broken")))
    assert one.state == "failed"
    assert one.error


async def test_what_is_not_here_is_refused_at_once() -> None:
    with pytest.raises(ModelNotFound):
        Quantising().start(resolve("kullm-5.8b"))
