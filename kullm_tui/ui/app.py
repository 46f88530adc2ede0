"""The app: modes, themes, language, the store, and keys that work in Hangul mode. What a mode does is its screen's own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.screen import Screen
from textual.signal import Signal

from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import say
from kullm_tui.ui import hangul, themes
from kullm_tui.ui.places import GLOBAL, bindings
from kullm_tui.ui.plain import safe
from kullm_tui.ui.widgets.status import Status

if TYPE_CHECKING:
    from kullm_tui.core.config import Config
    from kullm_tui.core.store import Store
    from kullm_tui.ui.downloads import Downloads
    from kullm_tui.ui.evaluations import Evaluations, Running
    from kullm_tui.ui.judge_desk import JudgeDesk
    from kullm_tui.ui.quantising import Quantising

_SIGNALLED = 128
_LAST_WORDS_SECONDS = 4.0  # after which a terminal that has gone away no longer holds the process


@runtime_checkable
class TakesModel(Protocol):
    """A screen on which a model that was chosen in the browser is used."""

    def use_model(self, name: str) -> None: ...


def _chat() -> Screen[None]:
    from kullm_tui.ui.screens.chat import ChatScreen

    screen = ChatScreen()
    # The style sheets are as new as the screen. Without this word of it Textual reads all of them once more.
    screen._css_update_count = 0
    return screen


def _evaluate() -> Screen[None]:
    from kullm_tui.ui.screens.evaluate import EvaluateScreen

    return EvaluateScreen()


class KullmApp(App[int]):
    TITLE = "kullm"
    CSS_PATH = "styles.tcss"
    MODES = {"chat": _chat, "evaluate": _evaluate}
    DEFAULT_MODE = "chat"
    BINDINGS = bindings(GLOBAL)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(self, *, store: Store | None = None, config: Config | None = None) -> None:
        super().__init__()
        self.status = Status(self)
        self.language_changed: Signal[str] = Signal(self, "language-changed")
        self._store = store
        self._owns_store = store is None
        self._opening: asyncio.Task[Store] | None = None
        self._warming = False
        self.config, self._config_fault = _configured(config)
        for theme in themes.OURS:
            self.register_theme(theme)
        self._begin_with(self.config.theme if self.config.theme in themes.NAMES else themes.DEFAULT)

    def _begin_with(self, theme: str) -> None:
        """A theme that is there before the first style sheet is read; choosing it afterwards has all of them read again."""
        self.set_reactive(KullmApp.theme, theme)
        self.stylesheet.set_variables(self.get_css_variables())
        dark = self.current_theme.dark
        self.set_classes([f"-theme-{theme}", "-dark-mode" if dark else "-light-mode"])
        self._refresh_truecolor_filter(self.ansi_theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.TOKEN_DEFAULTS)

    def on_mount(self) -> None:
        if not self.is_headless:
            self._end_on_signals()
        self.call_after_refresh(self._after_first_paint)

    async def on_unmount(self) -> None:
        for work in ("downloads", "quantising", "judge_desk"):
            if work in vars(self):
                getattr(self, work).close()
        if "evaluations" in vars(self):
            await self.evaluations.close()
        if self._opening and not self._opening.cancelled():
            with contextlib.suppress(KullmError):
                self._store = await self._opening
        if self._store and self._owns_store:
            await asyncio.to_thread(self._store.close)

    # The store

    @property
    def store(self) -> Store:
        """After `opened`."""
        assert self._store is not None, "the store is not open yet"
        return self._store

    async def opened(self) -> Store:
        """The store, opened in a thread the first time; KullmError where it cannot be opened."""
        if self._store is None:
            self._opening = self._opening or asyncio.create_task(asyncio.to_thread(_open_store))
            self._store = await asyncio.shield(self._opening)
        return self._store

    # Models on their way here, whichever screen is shown

    @functools.cached_property
    def downloads(self) -> Downloads:
        from kullm_tui.ui.downloads import Downloads

        return Downloads(lambda one: self._work_ended(one.name, one.error, say("내려받았어요", "downloaded")))

    @functools.cached_property
    def quantising(self) -> Quantising:
        from kullm_tui.ui.quantising import Quantising

        return Quantising(lambda one: self._work_ended(one.name, one.error, say("4비트 준비됨", "ready in 4-bit")))

    # Judging, on whichever screen a reply stands

    @functools.cached_property
    def judge_desk(self) -> JudgeDesk:
        from kullm_tui.ui.judge_desk import JudgeDesk

        return JudgeDesk(self)

    def action_judge_settings(self) -> None:
        self.run_worker(self.judge_desk.show_settings(), group="judge settings", exit_on_error=False)

    # Evaluations, whichever screen is shown

    @functools.cached_property
    def evaluations(self) -> Evaluations:
        from kullm_tui.ui.evaluations import Evaluations

        return Evaluations(self._evaluation_ended)

    def _evaluation_ended(self, running: Running) -> None:
        """Told where nobody watches it."""
        if self.current_mode != "evaluate" and self.is_running and running.state != "stopped":
            done = say(f"평가 #{running.number}: 끝났어요", f"evaluation #{running.number}: done")
            self.notify(safe(running.error) or done, severity="error" if running.error else "information", markup=False)

    def _work_ended(self, name: str, error: str, done: str) -> None:
        """Told on the browser where that is open, else wherever its user is."""
        from kullm_tui.ui.screens.models import ModelsScreen

        browser = next((screen for screen in self.screen_stack if isinstance(screen, ModelsScreen)), None)
        if browser:
            browser.look_again()
        elif self.is_running:
            self.notify(
                f"{safe(name)}: {safe(error) or done}", severity="error" if error else "information", markup=False
            )

    async def action_models(self) -> None:
        from kullm_tui.ui.screens.models import ModelsScreen

        if not any(isinstance(screen, ModelsScreen) for screen in self.screen_stack):
            await self.push_screen(ModelsScreen(), self._model_chosen)

    def _model_chosen(self, name: str | None) -> None:
        if name and isinstance(self.screen, TakesModel):
            self.screen.use_model(name)

    # The engine

    def warm_engine(self) -> None:
        """Starts the engine while the user types. What goes wrong is told when a question is asked."""
        if not self._warming:
            self._warming = True
            self.run_worker(_warm, thread=True, group="engine", exit_on_error=False)

    # Keys

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            for key in hangul.pressed(event, typing=self._takes_text(event)):
                await super().on_event(key)
            return
        await super().on_event(event)

    def _takes_text(self, event: events.Key) -> bool:
        return self.focused is not None and self.focused.check_consume_key(event.key, event.character)

    def action_help_quit(self) -> None:
        self.notify(say("끝내려면 Ctrl+Q를 누르세요.", "Press Ctrl+Q to quit."), markup=False)

    def action_command_palette(self) -> None:
        from kullm_tui.ui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    async def action_evaluate(self) -> None:
        """There, and back to the chat."""
        await self.switch_mode("chat" if self.current_mode == "evaluate" else "evaluate")

    async def action_help(self) -> None:
        from kullm_tui.ui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            await self.push_screen(HelpScreen())

    # Theme and language, kept in the configuration

    async def choose_theme(self, name: str) -> None:
        self.theme = name
        await self._keep("theme", "" if name == themes.DEFAULT else name)

    async def choose_language(self, language: str) -> None:
        os.environ["KULLM_LANG"] = language
        self.language_changed.publish(language)
        for screen in self.screen_stack:
            screen.refresh_bindings()
            screen.refresh(layout=True)
        await self._keep("language", language)

    async def _keep(self, key: str, value: str) -> None:
        from kullm_tui.core.config_edit import set_value

        try:
            await asyncio.to_thread(set_value, key, value)
        except KullmError as error:
            self.notify(safe(str(error)), severity="warning", markup=False)

    # Beginning and end

    def _after_first_paint(self) -> None:
        if self._config_fault:
            self.notify(safe(self._config_fault), severity="error", timeout=20, markup=False)
        self.run_worker(self._greet(), group="store", exit_on_error=False)

    async def _greet(self) -> None:
        try:
            store = await self.opened()
        except KullmError as error:
            self.notify(safe(str(error)), severity="error", timeout=60, markup=False)
            return
        if store.notice:
            self.notify(safe(store.notice), severity="warning", timeout=20, markup=False)

    def _end_on_signals(self) -> None:
        """The terminal is put back in order, and a reply in progress ends as a stopped one."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: int) -> None:
        # A terminal that was closed takes no more output, and Textual waits for it to be written.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(_SIGNALLED + number))
        signal.setitimer(signal.ITIMER_REAL, _LAST_WORDS_SECONDS)
        self.exit(return_code=_SIGNALLED + number)


def _configured(config: Config | None) -> tuple[Config, str]:
    """The configuration and what is wrong with it: the app opens all the same, with the defaults."""
    from kullm_tui.core.config import Config, load_config

    if config is not None:
        return config, ""
    try:
        return load_config(), ""
    except ConfigError as error:
        return Config(), str(error)


def _open_store() -> Store:
    from kullm_tui.core.opening import open_store
    from kullm_tui.core.paths import database_file

    return open_store(database_file())


def _warm() -> None:
    from kullm_tui.core.engine_process import ensure_engine
    from kullm_tui.core.extras import require_local

    with contextlib.suppress(KullmError):
        require_local()
        ensure_engine()
