"""F5: the models there are, what of them is here, whether they fit, and getting them. Enter takes one to the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets._input import Input
from textual.widgets._option_list import OptionList
from textual.widgets._static import Static

from kullm_tui.core.config.settings import Config, load_config
from kullm_tui.core.language import say
from kullm_tui.core.memory import Memory, memory_here
from kullm_tui.core.models.catalogue import Entry, catalogue, total_on_disk
from kullm_tui.core.models.download import HUB_KEY
from kullm_tui.core.models.profiles import LicenceClass
from kullm_tui.core.models.resolve import ModelRef, resolve
from kullm_tui.core.text import size_text
from kullm_tui.ui.background import Fault, Work, begin
from kullm_tui.ui.dialogs.ask import AskLine
from kullm_tui.ui.keymap import BROWSER, bindings
from kullm_tui.ui.keymap.key import When
from kullm_tui.ui.models.list import ModelList
from kullm_tui.ui.models.progress_text import ModelWork
from kullm_tui.ui.models.removal import Outcome, free_disk, give_back, give_up_endpoint
from kullm_tui.ui.models.text import can_be, details
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.ui.models.host import ModelsHost

_REDRAW_SECONDS = 0.25
_LICENCES: tuple[LicenceClass | None, ...] = (None, "commercial", "research")


class ModelsScreen(Screen[str | None]):
    """The name of the model that is to be used; None where nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(BROWSER), ("f5", "leave"), ("ctrl+f", "search")]
    AUTO_FOCUS = "ModelList"
    CSS = """
    ModelsScreen #above { height: 1; padding: 0 1; }
    ModelsScreen #filter { width: 24; }
    ModelsScreen #licence { width: auto; padding: 0 2; color: $quiet; }
    ModelsScreen #room { width: 1fr; text-align: right; color: $quiet; }
    ModelsScreen #heading { height: 1; padding: 0 1; }
    ModelsScreen #body { height: 1fr; layout: vertical; }
    ModelsScreen #list { height: 1fr; width: 1fr; }
    ModelsScreen #details { height: 8; border-top: solid $rule; padding: 0 1; }
    ModelsScreen #facts { width: 100%; }
    ModelsScreen Notice { max-height: 4; padding: 0 1; }
    ModelsScreen.-wide #body { layout: horizontal; margin-top: 1; }
    ModelsScreen.-wide #details { height: 1fr; width: 30%; min-width: 38; border-top: none; border-left: solid $rule; padding: 0 2; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._config = Config()
        self._memory: Memory | None = None
        self._licence = 0
        self._wanted = ""  # what was added, and is to be chosen once the list has it
        self._told_of = ""  # the row that was chosen when something was told

    @property
    def host(self) -> ModelsHost:
        return cast("ModelsHost", self.app)

    @property
    def _models(self) -> ModelList:
        return self.query_one(ModelList)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        with Horizontal(id="above"):
            yield Input(id="filter")
            yield Static(id="licence", markup=False)
            yield Static(id="room", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="list"):
                yield Static(id="heading", markup=False)
                yield ModelList(self._work)
            with VerticalScroll(id="details", can_focus=False):
                yield Static(id="facts", markup=False)
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self.relabel()
        self.set_interval(_REDRAW_SECONDS, self._redraw_work)

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(say("모델", "Models"))
        self.query_one("#filter", Input).placeholder = say("찾기 /", "filter /")
        self.query_one("#room", Static).update(say("살펴보는 중", "looking"))
        self._draw_licence()
        self.look_again()

    # What there is

    def look_again(self) -> None:
        """What is here may have changed."""
        begin(self, self._look, self._failed, group="look", exclusive=True)

    async def _look(self) -> None:
        self._config = await asyncio.to_thread(load_config)
        self.host.config = replace(self.host.config, endpoints=self._config.endpoints)
        self._memory, entries = await asyncio.to_thread(_found, self._config)
        self._draw_room(total_on_disk(entries))
        self._models.show(entries)
        if self._wanted and (self._models.choose(self._wanted) or self._models.choose(f"{self._wanted}/")):
            self._wanted = ""
            self._models.focus()
        self._draw_details()

    def _draw_room(self, taken: int) -> None:
        parts = [say(f"디스크 {size_text(taken)} 씀", f"{size_text(taken)} on disk")] if taken else []
        if self._memory and self._memory.free is not None:
            free, total = size_text(self._memory.free), size_text(self._memory.total)
            parts.append(say(f"메모리 {free} 남음", f"{free} of {total} memory free"))
        self.query_one("#room", Static).update(plain(" · ".join(parts)))

    def _draw_licence(self) -> None:
        names = (say("모두", "all"), say("상업 이용", "commercial"), say("연구용", "research"))
        here = say(f"이용: {names[self._licence]}", f"use: {names[self._licence]}")
        self.query_one("#licence", Static).update(plain(here))

    @on(Input.Changed, "#filter")
    def _narrow(self) -> None:
        self._models.narrow(self.query_one("#filter", Input).value, _LICENCES[self._licence])
        self._draw_details()

    @on(ModelList.Drawn)
    def _draw_heading(self) -> None:
        self.query_one("#heading", Static).update(self._models.heading)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        chosen = self._models.chosen
        if chosen and chosen.name != self._told_of:
            self.query_one(Notice).tell()
        self._draw_details()

    def _draw_details(self) -> None:
        entry = self._models.chosen
        if entry:
            facts = details(entry, self._memory, self._work(entry), brief=not self.has_class("-wide"))
        else:
            facts = plain(say("맞는 모델이 없어요. esc로 찾기를 지워요.", "No model matches. Esc clears the filter."))
        self.query_one("#facts", Static).update(facts)
        self.refresh_bindings()

    def holds(self, when: When) -> bool:
        entry = self._models.chosen
        return entry is not None and can_be(when, entry, self._work(entry))

    def _work(self, entry: Entry) -> ModelWork:
        return ModelWork(self.host.downloads.of(entry.name), self.host.quantising.of(entry.name))

    def _redraw_work(self) -> None:
        if self._models.redraw_work():
            self._draw_details()

    def tell(self, text: str, *, error: bool = False) -> None:
        """A line above the footer, until another row is chosen."""
        chosen = self._models.chosen
        self._told_of = chosen.name if chosen else ""
        self.query_one(Notice).tell(text, error=error)

    # Choosing

    @on(OptionList.OptionSelected)
    def action_choose(self) -> None:
        entry = self._models.chosen
        if entry is None:
            return
        if entry.state in ("missing", "partial"):
            name = safe_line(entry.name)
            self.tell(
                say(
                    f"{name} 모델을 아직 다 받지 않았어요. d로 내려받으세요.",
                    f"{name} is not here yet; d downloads it.",
                )
            )
        elif entry.state == "cannot-run":
            self.tell(entry.profile.note or say("이 엔진으로는 돌릴 수 없어요.", "This engine cannot run it."))
        elif entry.name.endswith("/"):
            self._run(partial(self._choose_at_endpoint, entry))
        else:
            self.dismiss(entry.name)

    async def _choose_at_endpoint(self, entry: Entry) -> None:
        """A configured endpoint has many models: its user names one."""
        title = safe_line(entry.profile.called)
        model = await self.app.push_screen_wait(
            AskLine(
                say(f"{title}의 어떤 모델을 쓸까요?", f"Which model of {title}?"),
                button=say("이 모델 쓰기", "Use it"),
                fault=lambda line: None if line else say("이름이 비어 있어요.", "The name is empty."),
            )
        )
        if model:
            self.dismiss(f"{entry.name}{model}")

    def action_search(self) -> None:
        self.query_one("#filter", Input).focus()

    @on(Input.Submitted, "#filter")
    def _searched(self, event: Input.Submitted) -> None:
        event.stop()
        self._models.focus()

    def action_licence(self) -> None:
        self._licence = (self._licence + 1) % len(_LICENCES)
        self._draw_licence()
        self._narrow()

    def action_leave(self) -> None:
        field = self.query_one("#filter", Input)
        if field.has_focus or field.value:
            field.value = ""
            self._models.focus()
        else:
            self.dismiss(None)

    # Getting

    def action_download(self) -> None:
        self._run(partial(self._with_chosen, self.host.downloads.start))

    def action_pause(self) -> None:
        entry = self._models.chosen
        download = self.host.downloads.of(entry.name) if entry else None
        if entry and download and download.active:
            self.host.downloads.pause(entry.name)
        elif entry and download and download.state in ("paused", "failed"):
            self.host.downloads.resume(entry.name)
        elif entry and entry.state == "partial":
            self.action_download()
        self._redraw_work()

    def action_quantise(self) -> None:
        """Begins, or stops what is going on."""
        entry = self._models.chosen
        running = self.host.quantising.of(entry.name) if entry else None
        if entry and running and running.active:
            self.host.quantising.stop(entry.name)
        else:
            self._run(partial(self._with_chosen, self.host.quantising.start))

    async def _with_chosen(self, start: Callable[[ModelRef], object]) -> None:
        entry = self._models.chosen
        if entry:
            start(await asyncio.to_thread(resolve, entry.name, endpoints=self._config.endpoints))
            self._redraw_work()

    # Giving back

    def action_remove(self) -> None:
        self._run(self._remove)

    async def _remove(self) -> None:
        entry = self._models.chosen
        if entry is None:
            return
        if entry.name.endswith("/"):
            outcome = await give_up_endpoint(self.app, entry.profile, self._gone)
        else:
            ref = await asyncio.to_thread(resolve, entry.name, endpoints=self._config.endpoints)
            outcome = await give_back(self.app, ref, self._gone)
        self._tell_outcome(outcome)

    def action_prune(self) -> None:
        self._run(self._prune)

    async def _prune(self) -> None:
        self._tell_outcome(await free_disk(self.app, self._gone))

    def _gone(self, name: str) -> None:
        self.host.downloads.forget(name)
        self.host.quantising.forget(name)
        self.look_again()

    def _tell_outcome(self, outcome: Outcome) -> None:
        if outcome.told:
            self.tell(outcome.told, error=outcome.is_error)

    # Adding

    def action_add(self) -> None:
        from kullm_tui.ui.models.add_dialog import AddModelScreen

        self.app.push_screen(AddModelScreen(), self._added)

    def _added(self, name: str | None) -> None:
        """The list goes to what is new, whatever it was narrowed to."""
        if name:
            self._wanted, self._licence = name, 0
            self.query_one("#filter", Input).value = ""
            self._draw_licence()
            self._narrow()
        self.look_again()

    def action_key(self) -> None:
        from kullm_tui.ui.dialogs.api_key import KeyScreen

        entry = self._models.chosen
        name = (entry.profile.key if entry else "") or HUB_KEY
        self.app.push_screen(KeyScreen(name, self._config.endpoints), self._key_stored)

    def _key_stored(self, told: str | None) -> None:
        if told:
            self.tell(told)

    def _run(self, work: Work) -> None:
        begin(self, work, self._failed)

    def _failed(self, error: Fault) -> None:
        """What goes wrong is a line on this screen."""
        self.tell(str(error), error=True)


def _found(config: Config) -> tuple[Memory, tuple[Entry, ...]]:
    memory = memory_here(config.engine.device)
    return memory, catalogue(memory, config)
