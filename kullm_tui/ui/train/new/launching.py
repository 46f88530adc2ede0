"""A job on its way to being begun: each step as a line, how far the present one is, and the way to call it off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets._button import Button
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.ui.background import apart, is_there
from kullm_tui.ui.text import safe
from kullm_tui.ui.widgets.button import name_button
from trainer.jobs.telling import Telling

if TYPE_CHECKING:
    from trainer.jobs.launching import Reach, Wanted
    from trainer.jobs.registry import KnownJob


class CalledOff(KullmError):
    """By its user."""


class Launching(Vertical):
    DEFAULT_CSS = """
    Launching { height: 1fr; padding: 1 2; display: none; }
    Launching.-under-way { display: block; }
    Launching #steps { height: auto; max-height: 70%; }
    Launching Static { width: 100%; height: auto; }
    Launching #step { color: $accent; margin-top: 1; }
    Launching #launch-buttons { height: 1; margin-top: 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="launching")
        self._called_off = False
        self._notes: list[str] = []
        self.known: KnownJob | None = None  # once it can be gone on with

    def compose(self) -> ComposeResult:
        yield Static(id="launch-title", classes="accent", markup=False)
        with VerticalScroll(id="steps", can_focus=False):
            yield Static(id="notes", markup=False)
        yield Static(id="step", markup=False)
        with Horizontal(id="launch-buttons"):
            yield Button(id="call-off")

    @property
    def is_under_way(self) -> bool:
        return self.has_class("-under-way")

    @property
    def is_called_off(self) -> bool:
        return self._called_off

    async def launch(self, wanted: Wanted, reach: Reach, title: str) -> KnownJob:
        """KullmError for what speaks against it; CalledOff."""
        from trainer.jobs.launching import launch

        self.begin_telling(title)
        telling = Telling(partial(self._told, stays=True), partial(self._told, stays=False))
        try:
            return await apart(partial(launch, wanted, reach, telling, self._take))
        finally:
            self.remove_class("-under-way")

    def begin_telling(self, title: str) -> None:
        self._called_off, self._notes, self.known = False, [], None
        self.query_one("#launch-title", Static).update(title)
        self._show("")
        name_button(self.query_one("#call-off", Button), say("취소 (esc)", "Call it off (esc)"))
        self.add_class("-under-way")
        self.query_one("#call-off", Button).focus()

    def call_off(self) -> None:
        """At the next word of the work. What has been begun by then is begun."""
        self._called_off = True
        if is_there(self):
            self.query_one("#step", Static).update(say("취소하는 중 …", "calling it off …"))

    def on_unmount(self) -> None:
        self._called_off = True

    def _take(self, job: KnownJob) -> None:
        self.known = job

    def _told(self, text: str, *, stays: bool) -> None:
        """In the work's thread."""
        if self._called_off:
            raise CalledOff(say("시작하지 않았어요.", "It was not begun."))
        self.app.call_from_thread(partial(self.say_step, text, stays=stays))

    def say_step(self, text: str, *, stays: bool) -> None:
        if not is_there(self) or self._called_off:
            return
        if stays:
            self._notes.append(text)
        self._show("" if stays else text)

    def _show(self, step: str) -> None:
        lines = [Content.assemble(("✓ ", "$success"), safe(note)) for note in self._notes]
        self.query_one("#notes", Static).update(Content("\n").join(lines))
        self.query_one("#step", Static).update(Content(safe(step)))
