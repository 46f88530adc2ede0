"""The modes of the app, each a screen that is imported when somebody goes there, and the ways from one into another."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

if TYPE_CHECKING:
    from textual.app import App

    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.feedback.gather import Where
    from kullm_tui.ui.host import Host
    from trainer.recipe import Recipe


def _chat() -> Screen[None]:
    from kullm_tui.ui.chat.screen import ChatScreen

    screen = ChatScreen()
    # The style sheets are as new as the screen. Without this word of it Textual reads all of them once more.
    screen._css_update_count = 0
    return screen


def _compare() -> Screen[None]:
    from kullm_tui.ui.compare.screen import CompareScreen

    return CompareScreen()


def _evaluate() -> Screen[None]:
    from kullm_tui.ui.evaluate.runs_screen import EvaluateScreen

    return EvaluateScreen()


def _train() -> Screen[None]:
    from kullm_tui.ui.train.screen import TrainScreen

    return TrainScreen()


def _data() -> Screen[None]:
    from kullm_tui.ui.data.screen import DataScreen

    return DataScreen()


MODES: Mapping[str, Callable[[], Screen[None]]] = {
    "chat": _chat,
    "compare": _compare,
    "train": _train,
    "data": _data,
    "evaluate": _evaluate,
}


async def there_or_back(app: App[Any], mode: str) -> None:
    """Into the mode, and from there back to the chat."""
    await app.switch_mode("chat" if app.current_mode == mode else mode)


async def chat_with(app: App[Any], model: str, adapter: str) -> None:
    from kullm_tui.ui.chat.screen import ChatScreen

    await app.switch_mode("chat")
    for screen in app.screen_stack:
        if isinstance(screen, ChatScreen):
            screen.talk_anew(model, adapter)


async def train_on(app: App[Any], source: str) -> None:
    """A new training, its data this file."""
    from kullm_tui.ui.train.screen import TrainScreen

    await app.switch_mode("train")
    for screen in app.screen_stack:
        if isinstance(screen, TrainScreen):
            screen.train_on(source)


async def teach(app: App[Any], recipe: Recipe, job: str, name: str, *, is_personal: bool) -> bool:
    """The form of a training on feedback; once it is begun, the list of trainings."""
    from kullm_tui.ui.train.new.screen import NewJobScreen
    from kullm_tui.ui.train.new.wish import Taught

    begun = await app.push_screen_wait(NewJobScreen(taught=Taught(recipe, job, name, is_personal)))
    if begun:
        await app.switch_mode("train")
    return begun is not None


async def show_studies(app: App[Any]) -> None:
    """Once, over whichever mode is shown. What the screen stands on is imported in a thread: that takes longer than a key may wait."""
    await asyncio.to_thread(importlib.import_module, "kullm_tui.ui.paper.screen")
    from kullm_tui.ui.paper.screen import PaperScreen

    if not any(isinstance(screen, PaperScreen) for screen in app.screen_stack):
        await app.push_screen(PaperScreen())


def answer_with(screens: Iterable[Screen[Any]], model: str) -> None:
    """In the chats among them."""
    from kullm_tui.core.asking.target import split_adapter
    from kullm_tui.ui.chat.screen import ChatScreen

    name, adapter = split_adapter(model)
    for screen in screens:
        if isinstance(screen, ChatScreen):
            screen.use_model(name, adapter)


async def show_said(app: App[Any], host: Host, where: Where) -> None:
    """The conversation or the comparison in which it was said, in its mode."""
    from kullm_tui.ui.chat.screen import ChatScreen
    from kullm_tui.ui.compare.screen import CompareScreen

    store = await host.opened()
    comparison = None if where.comparison is None else await asyncio.to_thread(store.comparisons.get, where.comparison)
    conversation = await asyncio.to_thread(store.conversation, where.conversation)
    await app.switch_mode("chat" if comparison is None else "compare")
    for screen in app.screen_stack:
        if isinstance(screen, ChatScreen):
            screen.open_conversation(conversation, where.message)
        elif comparison and isinstance(screen, CompareScreen):
            screen.open_comparison(comparison)


async def compare_these(app: App[Any], contestants: Sequence[Contestant], *, blind: bool) -> None:
    from kullm_tui.ui.compare.screen import CompareScreen

    await app.switch_mode("compare")
    for screen in app.screen_stack:
        if isinstance(screen, CompareScreen):
            screen.compare_these(contestants, blind=blind)
