"""What computed once leaves no thread behind: its helpers would slow the batch for as long as it lived."""

import threading
from pathlib import Path

import pytest
import torch

from kullm_tui.engine.apart import apart, done_apart
from kullm_tui.weights.loading import load_model
from tests.tiny_models import save_model


def _names() -> set[str]:
    return {thread.name.partition("_")[0] for thread in threading.enumerate()}


async def test_it_ends_with_its_work_and_hands_over_what_came_of_it() -> None:
    seen: list[threading.Thread] = []

    def work(number: int, *, more: int) -> int:
        seen.append(threading.current_thread())
        return number + more

    assert await apart(work, 1, more=2) == 3
    assert seen[0] is not threading.current_thread()
    seen[0].join(5)
    assert not seen[0].is_alive()
    with pytest.raises(ZeroDivisionError):
        await apart(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        done_apart(lambda: 1 // 0)


async def test_a_first_load_leaves_none_of_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    folder = save_model(tmp_path / "model")
    loaded = await apart(
        load_model,
        folder,
        precision="4bit",
        device=torch.device("cpu"),
        progress=lambda _: None,
        cancelled=lambda: False,
    )
    assert loaded.precision == "4bit"
    for thread in threading.enumerate():
        if thread.name.startswith("apart"):
            thread.join(5)
    assert not {"quantise", "apart"} & _names()
