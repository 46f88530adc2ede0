"""Keys that come faster than the screen: each reaches what it was meant for, in the order in which it was pressed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from textual import events
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from kullm_tui.core.config import EndpointSettings
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.judge_settings import JudgeSettings
from kullm_tui.ui.screens.add_model import AddModelScreen
from kullm_tui.ui.screens.contestants import ContestantsScreen
from kullm_tui.ui.screens.judge import JudgeScreen
from kullm_tui.ui.screens.key import KeyScreen
from kullm_tui.ui.screens.new_evaluation import NewEvaluationScreen
from kullm_tui.ui.screens.parameters import ParametersScreen
from tests.openai_server import OpenAIServer
from tests.ui.chatting import chatting
from tests.ui.comparing import Far, comparing

_LAB = EndpointSettings("lab", "http://127.0.0.1:9/v1", "LAB_KEY")
_NAMED = {" ": "space", "?": "question_mark"}


def bursts(app: App[int], *keys: str) -> None:
    """As a terminal hands over what was typed while it was busy: all at once."""
    for key in keys:
        for one in [key] if key.isascii() and len(key) > 1 and key.isalnum() or "+" in key else key:
            app.post_message(events.Key(_NAMED.get(one, one), one if len(one) == 1 else None))


def _fields(screen: Screen[object]) -> list[Widget]:
    """The fields of text."""
    return [widget for widget in screen.focus_chain if isinstance(widget, Input | TextArea)]


def _route(screen: Screen[object]) -> list[tuple[str, str, list[str]]]:
    """Field after field: its name, what is typed into it, and the tabs to the next one."""
    chain, fields = screen.focus_chain, _fields(screen)
    at = fields.index(screen.focused) if screen.focused in fields else 0
    fields = fields[at:]
    route = []
    for place, one in enumerate(fields):
        after = fields[place + 1] if place + 1 < len(fields) else one
        route.append((one.id or "", f"{place + 1}{place + 2}", ["tab"] * (chain.index(after) - chain.index(one))))
    return route


def _text(screen: Screen[object], name: str) -> str:
    field = screen.query_one(f"#{name}")
    assert isinstance(field, Input | TextArea)
    return field.value if isinstance(field, Input) else field.text


_DIALOGS: dict[str, tuple[type[Screen[object]], Sequence[str], Callable[[KullmApp], object]]] = {
    "parameters": (ParametersScreen, ["f7"], lambda _: None),
    "add model": (AddModelScreen, ["f5", "a"], lambda _: None),
    "new evaluation": (NewEvaluationScreen, ["f12", "n"], lambda _: None),
    "key": (KeyScreen, [], lambda app: app.push_screen(KeyScreen("LAB_KEY", [_LAB]))),
    "judge": (JudgeScreen, [], lambda app: app.push_screen(JudgeScreen(JudgeSettings(), spent=0.0))),
}


@pytest.mark.parametrize("name", _DIALOGS)
async def test_a_burst_into_a_dialog_keeps_its_order_from_field_to_field(database: Path, name: str) -> None:
    kind, keys, push = _DIALOGS[name]
    async with chatting(database, size=(140, 45)) as chat:
        push(chat.app)
        bursts(chat.app, *keys)
        await chat.until(
            lambda: isinstance(chat.app.screen, kind) and chat.app.screen.focused in _fields(chat.app.screen)
        )
        await chat.pilot.pause()
        route = _route(chat.app.screen)
        assert len(route) > 1
    async with chatting(database, size=(140, 45)) as chat:
        push(chat.app)
        bursts(chat.app, *keys, *(key for _, text, tabs in route for key in (*text, *tabs)))
        last, text = route[-1][0], route[-1][1]
        await chat.until(lambda: isinstance(chat.app.screen, kind) and _text(chat.app.screen, last).endswith(text))
        assert {field: _text(chat.app.screen, field) for field, _, _ in route} == {
            field: text for field, text, _ in route
        }


async def test_keys_behind_the_key_that_opens_a_dialog_are_for_the_dialog(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            bursts(here.app, "f2", "blu", "escape", "다음")
            await here.until(lambda: here.screen.prompt.value.text == "다음")
            bursts(here.app, "f2", "blu")
            await here.until(
                lambda: (
                    isinstance(here.app.screen, ContestantsScreen) and here.app.screen.query_one(Input).value == "blu"
                )
            )
            assert here.app.screen_stack[0].query_one("#prompt-text", TextArea).text == "다음"


async def test_a_new_comparison_with_its_question_and_enter_in_one_burst_is_asked(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("하나")
            await here.until(lambda: here.bar.has_focus)
            for number, words in enumerate(("둘째 물음", "셋째 물음"), start=2):
                bursts(here.app, "ctrl+n", words, "enter")
                await here.until(lambda number=number: len(server.requests) == 3 * number)
                await here.finishes()
                assert [here.said(place)[0] for place in range(3)] == [words] * 3
            assert here.screen.prompt.value.text == ""


async def test_a_focus_on_its_way_is_waited_for(database: Path) -> None:
    """A letter behind the key that leaves the thread is text, and none of the thread's keys."""
    with OpenAIServer() as server:
        async with chatting(database, server=server) as chat:
            await chat.asks("하나")
            bursts(chat.app, "shift+tab", "escape", "eric")
            await chat.until(lambda: chat.screen.prompt.value.text == "eric")
            assert len(server.requests) == 1
