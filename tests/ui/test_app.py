"""The frame: it opens, it keeps what was chosen, and nothing that it shows can break it."""

from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.screen import Screen

from kullm_tui.core.config.settings import Config, load_config
from kullm_tui.core.errors import StoreError
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.chat.host import ChatHost
from kullm_tui.ui.conversation.prompt import Prompt
from kullm_tui.ui.evaluate.host import EvaluationsHost
from kullm_tui.ui.models.host import ModelsHost
from kullm_tui.ui.palette import PaletteHost
from kullm_tui.ui.paper.host import StudiesHost
from kullm_tui.ui.train.host import TrainHost
from kullm_tui.ui.widgets.status_line import Status, StatusLine
from tests.ui.browsing import until
from tests.ui.snapshot import text_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    return tmp_path


async def test_the_prompt_has_the_focus_at_once() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"안녕하세요")
        assert app.screen.query_one(Prompt).value.text == "안녕하세요"


def _as_hosts(app: KullmApp) -> tuple[ChatHost, EvaluationsHost, TrainHost, ModelsHost, PaletteHost, StudiesHost]:
    """Read by the type checker alone: the app has what its rooms ask of their host, where they take it on trust."""
    return app, app, app, app, app, app


class Page(Screen[None]):
    def __init__(self, status: Status) -> None:
        super().__init__()
        self.status = status

    def compose(self) -> ComposeResult:
        yield StatusLine(self.status)


async def test_the_header_says_what_runs_and_a_number_that_changes_moves_nothing() -> None:
    app = KullmApp()
    async with app.run_test(size=(100, 24)) as pilot:
        status = Status(app)
        status.set_model("chat", "demo · 4-bit [/x]\x1b[2J")
        status.set_memory("4.1/24 GB")
        status.set_speed("9 tok/s")
        await app.push_screen(Page(status))
        await until(pilot, lambda: text_of(app).splitlines()[0].startswith(" 구름  대화"))
        first = text_of(app).splitlines()[0]
        assert first.rstrip().endswith("4.1/24 GB")
        status.set_speed("31 tok/s")
        await until(pilot, lambda: "31 tok/s" in text_of(app))
        assert text_of(app).splitlines()[0].index("demo · 4-bit [/x]") == first.index("demo")


async def test_the_store_opens_by_itself_and_is_given_to_whoever_asks(home: Path) -> None:
    app = KullmApp()
    async with app.run_test():
        assert await app.opened() is app.store
        assert (home / "kullm.db").exists()


async def test_a_database_that_cannot_be_opened_is_told_and_the_app_stays(home: Path) -> None:
    (home / "kullm.db").mkdir()
    app = KullmApp()
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        with pytest.raises(StoreError):
            await app.opened()
        await until(pilot, lambda: "kullm.db" in text_of(app).replace("\n", "").replace(" ", ""))
        assert app.is_running


async def test_a_broken_configuration_is_told_and_the_app_opens(home: Path) -> None:
    (home / "config.toml").write_text('"[/x][bold]" = 1\n')
    app = KullmApp()
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "config.toml" in text_of(app))
        assert "[/x][bold]" in text_of(app)


async def test_the_theme_and_the_language_are_kept() -> None:
    app = KullmApp()
    async with app.run_test():
        await app.choose_theme("kullm-light")
        await app.choose_language("en")
        assert app.theme == "kullm-light"
    assert (load_config().theme, load_config().language) == ("kullm-light", "en")
    assert KullmApp().theme == "kullm-light"
    assert KullmApp(config=Config()).theme == "kullm-dark"


async def test_ctrl_c_says_how_to_quit() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "Ctrl+Q" in text_of(app))
