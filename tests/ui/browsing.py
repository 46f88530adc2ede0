"""The app at its model browser, with a hub of its own and what it needs to stand still for a picture."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from kullm_tui.core.memory import Memory
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.models import screen
from kullm_tui.ui.models.list import ModelList
from kullm_tui.ui.models.screen import ModelsScreen
from tests.ui.snapshot import text_of

MEMORY = Memory("cpu", 24_000_000_000, 20_000_000_000)


def stand_still(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(home / "home"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "OPENAI_API_KEY", "HF_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(KullmApp, "warm_engine", lambda _: None)  # an engine for every test would stay behind
    monkeypatch.setattr(screen, "memory_here", lambda _: replace(MEMORY))


@asynccontextmanager
async def browser(size: tuple[int, int] = (140, 45)) -> AsyncIterator[Pilot[int]]:
    app = KullmApp()
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("f5")
        await until(
            pilot, lambda: bool(app.screen.query(ModelList)) and app.screen.query_one(ModelList).option_count > 0
        )
        await until(pilot, lambda: bool(app.status.parts()))
        yield pilot


async def until(pilot: Pilot[Any], holds: Callable[[], bool], *, seconds: float = 240) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await pilot.pause(0.02)
    await pilot.pause()


async def shows(pilot: Pilot[int], text: str) -> None:
    """Until the screen shows it, or one of its texts, line breaks aside."""
    wanted = "".join(text.split())

    def is_shown() -> bool:
        texts = [str(one.render()) for one in pilot.app.screen.query(Static).results(Static) if one.display]
        return any(wanted in "".join(one.split()) for one in (text_of(pilot.app), *texts))

    try:
        await until(pilot, is_shown)
    except TimeoutError:
        raise AssertionError(text_of(pilot.app)) from None


async def choose(pilot: Pilot[int], name: str) -> None:
    assert isinstance(pilot.app.screen, ModelsScreen)
    models_list = pilot.app.screen.query_one(ModelList)
    place = next(at for at, entry in enumerate(models_list._shown) if entry.name == name)
    models_list.highlighted = place
    await pilot.pause()
