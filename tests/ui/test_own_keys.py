"""Keys of the user's own, where a terminal, tmux or a browser keeps one of the table for itself."""

from pathlib import Path

import pytest

from kullm_tui.core.config.edit import set_value
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import ConfigError
from kullm_tui.ui.conversation.prompt import Prompt
from kullm_tui.ui.dialogs.help import HelpScreen
from kullm_tui.ui.keymap.own import own_keys
from kullm_tui.ui.models.screen import ModelsScreen
from kullm_tui.ui.widgets.key_bar import KeyBar
from tests.ui.chatting import chatting


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    return tmp_path


@pytest.mark.parametrize("pressed", ["alt+m", "alt+ㅡ"])
async def test_an_own_key_does_what_the_tables_does_and_stands_in_its_place(home: Path, pressed: str) -> None:
    async with chatting(home / "kullm.db", keys=("alt+m=f5", "alt+h = f1")) as chat:
        await chat.pilot.press("a", "alt+h")
        await chat.until(lambda: isinstance(chat.app.screen, HelpScreen))
        assert "⌥m F5" in "".join(str(one.render()) for one in chat.app.screen.query("Static"))
        await chat.pilot.press("escape")
        assert "⌥h 도움" in str(chat.screen.query_one(KeyBar).render())
        await chat.pilot.press(pressed)
        await chat.until(lambda: isinstance(chat.app.screen, ModelsScreen))
        assert chat.screen.query_one(Prompt).value.text == "a"


async def test_two_keys_change_places(home: Path) -> None:
    async with chatting(home / "kullm.db", keys=("f1=f5", "f5=f1")) as chat:
        await chat.pilot.press("f5")
        await chat.until(lambda: isinstance(chat.app.screen, HelpScreen))
        await chat.pilot.press("escape", "f1")
        await chat.until(lambda: isinstance(chat.app.screen, ModelsScreen))
        assert "F5 도움" in str(chat.app.screen.query_one(KeyBar).render())


async def test_one_that_stands_for_no_key_of_ours_is_told(home: Path) -> None:
    async with chatting(home / "kullm.db", keys=("alt+m=ctrl+y",)) as chat:
        await chat.until(lambda: any("ctrl+y" in one.message for one in chat.app._notifications))


def test_they_are_set_in_the_shell() -> None:
    set_value("keys", "alt+n=ctrl+n, f13=f10")
    assert own_keys(load_config().keys).meant == {"alt+n": "ctrl+n", "f13": "f10"}


@pytest.mark.parametrize("told", ["n=ctrl+n", "alt+n", "alt+n=n", "alt+n=ctrl+n=f5", "=f5", "enter=f5"])
def test_what_would_take_a_letter_from_the_text_or_is_no_pair_is_refused(told: str) -> None:
    with pytest.raises(ConfigError):
        set_value("keys", told)
