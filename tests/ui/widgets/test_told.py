"""Text told again: what stands around it is laid out anew where it takes other rows, and not for each word that comes."""

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.screen import Screen

from kullm_tui.ui.widgets.told import Told
from tests.openai_server import OpenAIServer, says
from tests.ui.chatting import chatting
from tests.ui.snapshot import text_of


class _OneLine(App[None]):
    def compose(self) -> ComposeResult:
        yield Told()


@pytest.fixture
def layouts(monkeypatch: pytest.MonkeyPatch) -> list[Screen[object]]:
    """Every layout of a screen from here on."""
    made: list[Screen[object]] = []
    one = Screen._refresh_layout

    def counted(self: Screen[object], *arguments: object, **named: object) -> None:
        made.append(self)
        one(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Screen, "_refresh_layout", counted)
    return made


async def test_it_is_laid_out_where_it_takes_other_rows(layouts: list[Screen[object]]) -> None:
    app = _OneLine()
    async with app.run_test(size=(10, 4)) as pilot:
        told = app.query_one(Told)
        for text, rows, again in (("하나", 1, True), ("둘", 1, False), ("하나 둘 셋 넷", 2, True), ("둘", 1, True)):
            layouts.clear()
            told.tell(Content(text))
            await pilot.pause()
            assert (told.size.height, bool(layouts)) == (rows, again), text
            assert text_of(app).split() == text.split()


async def test_another_style_is_another_text() -> None:
    app = _OneLine()
    async with app.run_test(size=(10, 1)):
        told = app.query_one(Told)
        told.tell(Content("가"))
        told.tell(Content.styled("가", "bold"))
        assert [bool(segment.style and segment.style.bold) for segment in told.render_line(0)][0]


async def test_a_reply_on_one_line_is_laid_out_a_few_times_only(database: Path, layouts: list[Screen[object]]) -> None:
    pieces = ["가"] * 60
    with OpenAIServer([says(*pieces, pause=0.03)]) as server:
        async with chatting(database, server=server) as chat:
            await chat.sends("말해 줘")
            await chat.until(lambda: len(chat.last_text) > 5)
            layouts.clear()
            await chat.until(lambda: len(chat.last_text) > 55)
            assert len(layouts) < 15  # of what changes beside it; one a piece before
            await chat.answered()
