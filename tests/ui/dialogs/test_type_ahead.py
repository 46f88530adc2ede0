"""Keys that come faster than the screen: each reaches what it was meant for, in the order in which it was pressed."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.screen import Screen
from textual.widgets import Input, TextArea

from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.compare.picker_dialog import ContestantsScreen
from kullm_tui.ui.conversation.settings_dialog import ParametersScreen
from kullm_tui.ui.dialogs.api_key import KeyScreen
from kullm_tui.ui.evaluate.form_screen import NewEvaluationScreen
from kullm_tui.ui.judge.settings import JudgeSettings
from kullm_tui.ui.judge.settings_dialog import JudgeScreen
from kullm_tui.ui.models.add_dialog import AddModelScreen
from tests.openai_server import OpenAIServer
from tests.ui.chatting import chatting
from tests.ui.comparing import Far, comparing

_LAB = EndpointSettings("lab", "http://127.0.0.1:9/v1", "LAB_KEY")
_KEYS = {"tab", "shift+tab", "enter", "escape", "ctrl+n", "f2", "f5", "f7", "f12"}
_NAMED = {" ": "space", "?": "question_mark"}


def bursts(app: App[int], *typed: str) -> None:
    """Keys by their names, and text, as a terminal hands over what was typed while it was busy: all at once."""
    for one in typed:
        for key in [one] if one in _KEYS else one:
            app.post_message(events.Key(_NAMED.get(key, key), key if len(key) == 1 else None))


def _route(screen: Screen[object]) -> list[tuple[list[str], str, str]]:
    """From the focus on, field of text after field: the tabs that lead to it, its name, and what is typed into it."""
    chain = screen.focus_chain
    at = chain.index(screen.focused) if screen.focused else 0
    route, tabs = [], 0
    for place, widget in enumerate([*chain[at:], *chain[:at]]):
        if isinstance(widget, Input | TextArea):
            route.append((["tab"] * tabs, widget.id or "", f"{place % 9 + 1}{place // 9 + 1}"))
            tabs = 0
        tabs += 1
    return route


def _text(screen: Screen[object], name: str) -> str:
    """Nothing where the field is not there yet."""
    fields = screen.query(f"#{name}")
    if not fields:
        return ""
    field = fields.first()
    return field.value if isinstance(field, Input) else field.text if isinstance(field, TextArea) else ""


_DIALOGS: dict[str, tuple[type[Screen[Any]], Sequence[str], Callable[[KullmApp], object]]] = {
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
        await chat.pilot.press(*keys)
        await chat.until(lambda: isinstance(chat.app.screen, kind) and chat.app.screen.focused)
        await chat.pilot.pause()
        route = _route(chat.app.screen)
        assert route
    async with chatting(database, size=(140, 45)) as chat:
        push(chat.app)
        bursts(chat.app, *keys, *(key for tabs, _, text in route for key in (*tabs, text)))
        await chat.until(
            lambda: isinstance(chat.app.screen, kind) and _text(chat.app.screen, route[-1][1]) == route[-1][2]
        )
        assert {field: _text(chat.app.screen, field) for _, field, _ in route} == {
            field: text for _, field, text in route
        }


async def test_keys_behind_the_key_that_opens_a_dialog_are_for_the_dialog(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            bursts(here.app, "f2", "blu", "escape", "다음")
            await here.until(lambda: here.screen.prompt.value.text == "다음")
            bursts(here.app, "f2", "blu")
            await here.until(lambda: any(one.value == "blu" for one in here.app.screen.query(Input)))
            assert isinstance(here.app.screen, ContestantsScreen)
            assert here.app.screen_stack[0].query_one("#prompt-text", TextArea).text == "다음"


def _has_asked(server: OpenAIServer, count: int) -> bool:
    return len(server.requests) == count


async def test_a_new_comparison_with_its_question_and_enter_in_one_burst_is_asked(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("하나")
            await here.until(lambda: here.bar.has_focus)
            for number, words in enumerate(("둘째 물음", "셋째 물음"), start=2):
                bursts(here.app, "ctrl+n", words, "enter")
                await here.until(partial(_has_asked, server, 3 * number))
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
