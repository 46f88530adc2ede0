"""The app: modes, themes, language, the store, and keys that work in Hangul mode. What a mode does is its screen's own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events
from textual.app import App
from textual.screen import Screen

from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import say
from kullm_tui.ui import background, endings, modes, themes
from kullm_tui.ui.conversation.store_access import Storing
from kullm_tui.ui.dialogs.type_ahead import TypeAhead
from kullm_tui.ui.host import Stops, TakesModel, TakesStore
from kullm_tui.ui.keymap import GLOBAL, bindings
from kullm_tui.ui.keymap.own import own_keys
from kullm_tui.ui.terminal import collector, output_writer, signals
from kullm_tui.ui.text import safe
from kullm_tui.ui.widgets.status_line import Status

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.worker import WorkType

    from kullm_tui.core.asking.thinking import ThinkingWish
    from kullm_tui.core.config.settings import Config, Notify
    from kullm_tui.core.endpoints.models import EndpointModels
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.core.store.store import Store
    from kullm_tui.feedback.gather import Where
    from kullm_tui.ui.conversation.unsaved import Unsaved
    from kullm_tui.ui.data.builds import Builds
    from kullm_tui.ui.evaluate.runs import Evaluations
    from kullm_tui.ui.judge.service import JudgeService
    from kullm_tui.ui.models.downloads import Downloads
    from kullm_tui.ui.models.quantisation import Quantising
    from kullm_tui.ui.paper.runs import Studies
    from kullm_tui.ui.train.service import Trainings
    from trainer.recipe import Recipe

_TOUCHED_SECONDS = 10.0
_TRAININGS_SECONDS = 2.0  # after the first paint


class KullmApp(App[int]):
    TITLE = "kullm"
    CSS_PATH = "styles.tcss"
    MODES = dict(modes.MODES)
    DEFAULT_MODE = "chat"
    BINDINGS = bindings(GLOBAL)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (101, "-wide")]

    def __init__(self, *, store: Store | None = None, config: Config | None = None, goes_on: bool = False) -> None:
        super().__init__()
        self.goes_on = goes_on  # the chat opens at the last conversation
        self.status = Status(self)
        self._storing = Storing(store, self._tell_opening)
        self._told_of: Store | None = None  # the store that the screens have
        self._warming = False
        self._quitting = False  # the question is on the screen
        self._tells_focus = False
        self.last_touched = time.monotonic()
        self.config, self._config_fault = _configured(config)
        self.own_keys = own_keys(self.config.keys)
        self._type_ahead = TypeAhead(self, self.own_keys, super().on_event)
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
            signals.end_on_signals(lambda code: self.exit(return_code=code))
            self.call_after_refresh(self.collect_when_quiet)
        self.call_after_refresh(self._after_first_paint)

    def collect_when_quiet(self) -> None:
        from kullm_tui.ui.conversation.live_replies import under_way

        collector.begin(self, lambda: self.last_touched, lambda: bool(under_way(self)))

    async def on_unmount(self) -> None:
        self._type_ahead.close()
        for work in ("downloads", "quantising", "judging", "builds"):
            if work in vars(self):
                getattr(self, work).close()
        if "evaluations" in vars(self):
            await self.evaluations.close()
        if "trainings" in vars(self):
            await self.trainings.close()
        if "studies" in vars(self):
            await self.studies.close()
        if "unsaved" in vars(self):
            await self.unsaved.save_all()
        await self._storing.close()

    # The store

    @property
    def store(self) -> Store:
        """After `opened`."""
        return self._storing.store

    async def opened(self) -> Store:
        """The store, opened in a thread the first time; KullmError where it cannot be opened."""
        return await self._storing.opened()

    async def mend(self, error: KullmError) -> bool:
        """Whether the error was the store's file, which was put aside: the screens have what could be read of it in a new one."""
        from kullm_tui.ui.conversation.live_replies import stop_all

        store = await self._storing.mend(error, lambda: stop_all(self))
        if store is None:
            return False
        if store is not self._told_of:
            self._told_of = store
            if store.notice:
                self.notify(safe(store.notice), severity="error", timeout=60, markup=False)
            for screen in [screen for stack in self._screen_stacks.values() for screen in stack]:
                if isinstance(screen, TakesStore):
                    screen.take_store(store)
        return True

    def _tell_opening(self) -> None:
        told = say(
            "대화 파일을 여는 데 시간이 걸리고 있어요. 손상된 곳이 있으면 읽을 수 있는 것을 새 파일로 옮겨요.",
            "Opening the conversations takes a while. Where their file is damaged, what can be read goes into a new one.",
        )
        if self.is_running:
            self.notify(told, severity="warning", timeout=20, markup=False)

    # Models on their way here, whichever screen is shown

    @functools.cached_property
    def downloads(self) -> Downloads:
        from kullm_tui.ui.models.downloads import Downloads

        return Downloads(lambda one: endings.work_ended(self, one.name, one.error, say("내려받았어요", "downloaded")))

    @functools.cached_property
    def quantising(self) -> Quantising:
        from kullm_tui.ui.models.quantisation import Quantising

        return Quantising(
            lambda one: endings.work_ended(self, one.name, one.error, say("4비트 준비됨", "ready in 4-bit"))
        )

    # Replies that the disk had no room for

    @functools.cached_property
    def unsaved(self) -> Unsaved:
        from kullm_tui.ui.conversation.unsaved import Unsaved

        return Unsaved(self)

    # Judging, on whichever screen a reply stands

    @functools.cached_property
    def judging(self) -> JudgeService:
        from kullm_tui.ui.judge.service import JudgeService

        return JudgeService(self, self)

    def action_judge_settings(self) -> None:
        self.run_worker(self.judging.show_settings(), group="judge settings", exit_on_error=False)

    # Evaluations, whichever screen is shown

    @functools.cached_property
    def evaluations(self) -> Evaluations:
        from kullm_tui.ui.evaluate.runs import Evaluations

        return Evaluations(functools.partial(endings.evaluation_ended, self, self))

    # Trainings, whichever screen is shown

    @functools.cached_property
    def trainings(self) -> Trainings:
        from kullm_tui.ui.train.service import Trainings

        return Trainings(self, functools.partial(endings.training_ended, self, self))

    def _watch_trainings(self) -> None:
        background.begin(self, functools.partial(endings.watch_trainings, self), self._tell_fault, group="trainings")

    # Data sets being built, whichever screen is shown

    @functools.cached_property
    def builds(self) -> Builds:
        from kullm_tui.ui.data.builds import Builds

        return Builds(self, functools.partial(endings.build_ended, self, self))

    # A study under way, whichever screen is shown

    @functools.cached_property
    def studies(self) -> Studies:
        from kullm_tui.ui.paper.runs import Studies

        return Studies(self, functools.partial(endings.study_ended, self, self))

    async def action_study(self) -> None:
        await modes.show_studies(self)

    async def train_on(self, source: str) -> None:
        await modes.train_on(self, source)

    async def action_feedback(self) -> None:
        from kullm_tui.ui.feedback.screen import FeedbackScreen

        if not isinstance(self.screen, FeedbackScreen):
            await self.push_screen(FeedbackScreen(), self._show_said)

    async def teach(self, recipe: Recipe, job: str, name: str, *, is_personal: bool) -> bool:
        return await modes.teach(self, recipe, job, name, is_personal=is_personal)

    def answer_with(self, model: str) -> None:
        self.config = replace(self.config, model=model)
        modes.answer_with([screen for stack in self._screen_stacks.values() for screen in stack], model)

    def _show_said(self, where: Where | None) -> None:
        if where:
            background.begin(self, functools.partial(modes.show_said, self, self, where), self._tell_fault)

    async def look_after(self, adapter: str) -> None:
        from kullm_tui.ui.feedback.after_screen import AfterScreen

        await self.push_screen(AfterScreen(adapter))

    async def chat_with(self, model: str, adapter: str) -> None:
        await modes.chat_with(self, model, adapter)

    async def compare_these(self, contestants: Sequence[Contestant], *, blind: bool) -> None:
        await modes.compare_these(self, contestants, blind=blind)

    # What endpoints offer

    @functools.cached_property
    def endpoint_models(self) -> EndpointModels:
        from kullm_tui.core.endpoints.models import EndpointModels

        return EndpointModels()

    async def action_models(self) -> None:
        from kullm_tui.ui.models.screen import ModelsScreen

        if not any(isinstance(screen, ModelsScreen) for screen in self.screen_stack):
            await self.push_screen(ModelsScreen(), self._model_chosen)

    def _model_chosen(self, name: str | None) -> None:
        if name and isinstance(self.screen, TakesModel):
            self.screen.use_model(name)

    # The engine

    def warm_engine(self) -> None:
        """Once."""
        if not self._warming:
            from kullm_tui.ui.models import warming

            self._warming = True
            warm: WorkType[None] = functools.partial(warming.warm, self.status)
            self.run_worker(warm, group="engine", exit_on_error=False)

    # Keys

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.AppFocus | events.AppBlur):
            self._tells_focus = True
        elif isinstance(event, events.InputEvent | events.Paste):
            self.last_touched = time.monotonic()
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._type_ahead.take(event)
        else:
            await super().on_event(event)

    @property
    def is_looked_at(self) -> bool:
        """By what the terminal says; of one that does not (tmux keeps it to itself), by whether it was touched lately."""
        return self.app_focus and (self._tells_focus or time.monotonic() - self.last_touched < _TOUCHED_SECONDS)

    async def action_quit(self) -> None:
        """Asks only where it would cost something; pressed once more, it means it."""
        if "unsaved" in vars(self) and not self._quitting:
            await self.unsaved.save_all()
        asked = None if self._quitting else self._quit_question()
        if asked is None:
            self.exit()
            return
        self._quitting = True
        await self.push_screen(asked, self._quit_answered)

    def _quit_question(self) -> Screen[bool | None] | None:
        from kullm_tui.ui.conversation.live_replies import under_way
        from kullm_tui.ui.quit_question import question

        return question(
            unsaved=len(self.unsaved) if "unsaved" in vars(self) else 0,
            on_their_way=len(under_way(self)),
            evaluates="evaluations" in vars(self) and bool(self.evaluations.active),
            builds="builds" in vars(self) and bool(self.builds.active),
            studies="studies" in vars(self) and bool(self.studies.active),
        )

    def _quit_answered(self, wanted: bool | None) -> None:
        self._quitting = False
        if wanted:
            self.exit()

    def action_help_quit(self) -> None:
        """Ctrl-c where no text is marked: what every terminal program stops by."""
        if isinstance(self.screen, Stops) and self.screen.stop_replies():
            return
        self.notify(say("끝내려면 Ctrl+Q를 누르세요.", "Press Ctrl+Q to quit."), markup=False)

    def action_command_palette(self) -> None:
        from kullm_tui.ui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    async def action_compare(self) -> None:
        await modes.there_or_back(self, "compare")

    async def action_train(self) -> None:
        await modes.there_or_back(self, "train")

    async def action_data(self) -> None:
        await modes.there_or_back(self, "data")

    async def action_evaluate(self) -> None:
        await modes.there_or_back(self, "evaluate")

    async def action_help(self) -> None:
        from kullm_tui.ui.dialogs.help import HelpScreen, scopes_of

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        else:
            await self.push_screen(HelpScreen(scopes_of(self.screen), self.own_keys))

    # Theme, language and notices, kept in the configuration

    async def choose_theme(self, name: str) -> None:
        self.theme = name
        await self._keep("theme", "" if name == themes.DEFAULT else name)

    async def choose_language(self, language: str) -> None:
        from kullm_tui.ui.language import relabel

        os.environ["KULLM_LANG"] = language
        relabel(self)
        await self._keep("language", language)

    async def choose_notify(self, way: Notify) -> None:
        self.config = replace(self.config, notify=way)
        await self._keep("notify", way)

    async def choose_thinking(self, wish: ThinkingWish) -> None:
        """Of replies from now on."""
        self.config = replace(self.config, thinking=wish)
        await self._keep("thinking", wish)

    async def _keep(self, key: str, value: str) -> None:
        from kullm_tui.core.config.edit import set_value

        try:
            await asyncio.to_thread(set_value, key, value)
        except KullmError as error:
            self.notify(safe(str(error)), severity="warning", markup=False)

    # The terminal

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Textual's own, but a terminal that takes nothing holds up nothing: what it missed is drawn when it takes something again."""
        loop = asyncio.get_running_loop()

        def caught_up() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self.call_later, self._draw_all)

        if not output_writer.is_behind(self._driver, caught_up):
            super()._display(screen, renderable)

    def _draw_all(self) -> None:
        screen = self.screen
        self._display(screen, screen._compositor.render_update(full=True, screen_stack=self._background_screens))

    # Beginning and end

    def _after_first_paint(self) -> None:
        for fault in filter(None, (self._config_fault, self.own_keys.fault)):
            self.notify(safe(fault), severity="error", timeout=20, markup=False)
        greet: Callable[[], Awaitable[None]] = self._greet  # begun by its worker, if the app has not ended before
        self.run_worker(greet, group="store", exit_on_error=False)
        self.set_timer(_TRAININGS_SECONDS, self._watch_trainings)

    def _tell_fault(self, fault: background.Fault) -> None:
        self.notify(safe(str(fault)), severity="error", markup=False)

    async def _greet(self) -> None:
        try:
            store = await self.opened()
        except KullmError as error:
            self.notify(safe(str(error)), severity="error", timeout=60, markup=False)
            return
        if store.notice:
            self.notify(safe(store.notice), severity="warning", timeout=20, markup=False)


def _configured(config: Config | None) -> tuple[Config, str]:
    """The configuration and what is wrong with it: the app opens all the same, with the defaults."""
    from kullm_tui.core.config.settings import Config, load_config

    if config is not None:
        return config, ""
    try:
        return load_config(), ""
    except ConfigError as error:
        return Config(), str(error)
