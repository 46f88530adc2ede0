"""The engine starts with the app: after its first picture, where a model of this machine answers, unless it is not wished."""

import asyncio
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import Config, EndpointSettings, EngineSettings, load_config
from kullm_tui.core.memory import Memory
from kullm_tui.core.store.store import Store
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.chat import controller as chat_controller
from kullm_tui.ui.chat.screen import ChatScreen
from kullm_tui.ui.models import warming
from tests.ui.chatting import chatting


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    begun: list[str] = []
    monkeypatch.setattr(KullmApp, "warm_engine", lambda _: begun.append("engine"))
    monkeypatch.setattr(chat_controller, "_WARM_SECONDS", 0.05)
    return begun


async def test_the_engine_starts_without_a_key_being_pressed(database: Path, started: list[str]) -> None:
    async with chatting(database) as chat:
        await chat.until(lambda: started)


@pytest.mark.parametrize(
    "config",
    [
        Config(model="far/model", endpoints=(EndpointSettings("far", "http://127.0.0.1:1/v1"),)),
        Config(engine=EngineSettings(warm=False)),
    ],
    ids=["an endpoint answers", "its user says so"],
)
async def test_it_does_not_where_it_is_not_needed_or_not_wished(
    database: Path, started: list[str], config: Config
) -> None:
    # A store of its own: where an earlier test left a draft, that is typed again, and typing starts the engine.
    app = KullmApp(store=Store(database), config=config)
    async with app.run_test() as pilot:
        screen = app.screen
        assert isinstance(screen, ChatScreen)
        async with asyncio.timeout(30):
            while screen.sidebar.store is None:
                await pilot.pause(0.01)
        await screen.controller._warm()
        assert started == []


async def test_it_does_not_where_memory_is_short(
    database: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "_memory_here", lambda: Memory("cpu", 4_000_000_000, 900_000_000))
    monkeypatch.setattr(chat_controller, "_WARM_SECONDS", 3600.0)
    async with chatting(database) as chat:
        await chat.controller._warm()
        assert started == []
        monkeypatch.setattr(warming, "_memory_here", lambda: Memory("cpu", 8_000_000_000, 5_000_000_000))
        await chat.controller._warm()
        assert started == ["engine"]


def test_the_setting_is_one_of_the_configuration(chat_home: Path) -> None:
    (chat_home / "config.toml").write_text("[engine]\nwarm = false\n")
    assert load_config().engine.warm is False
    (chat_home / "config.toml").unlink()
    assert load_config().engine.warm is True
