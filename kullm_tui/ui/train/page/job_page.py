"""The page of one job: its head, and one view of it at a time. It reads the job's files by itself, in a thread, while it is looked at.

What a machine has not told for a while stays as it was told, and the head says how old it is. What is done with a job is its screen's own.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widgets._content_switcher import ContentSwitcher
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, begin, is_there
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN_PAGE
from kullm_tui.ui.text import safe
from kullm_tui.ui.train.page.cards import Cards
from kullm_tui.ui.train.page.log_view import LogView
from kullm_tui.ui.train.page.overview import Overview
from kullm_tui.ui.train.page.plots import Curves
from kullm_tui.ui.train.page.replies_view import Replies
from kullm_tui.ui.train.page.text import (
    alarm_lines,
    best_text,
    ends_text,
    head_line,
    joined,
    malformed_text,
    progress_line,
    recipe_lines,
    reckoning_lines,
)
from kullm_tui.ui.train.page.watching import Watching
from trainer.jobs.log import Page, page
from trainer.jobs.watched import Look

if TYPE_CHECKING:
    from kullm_tui.ui.host import Host

View = Literal["overview", "curves", "cards", "log", "replies", "facts"]

_LOOK_SECONDS = 0.5
_FIRST_LOOK, _LONG_LOOK = 0.02, 0.3  # of reading, where there is much: the numbers are there at once, the curves grow
_MOST_ALARMS = 200


class Views(Static):
    """A click on a view goes to it."""

    def on_click(self, event: events.Click) -> None:
        view = event.style.meta.get("view")
        if view and isinstance(self.parent, JobPage):
            self.parent.action_job_view(view)


class JobPage(Vertical):
    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_PAGE)
    DEFAULT_CSS = """
    JobPage { height: 1fr; width: 1fr; padding: 0 1; }
    JobPage #job-head, JobPage #job-progress, JobPage #job-views { height: 1; }
    JobPage #job-views { margin-bottom: 1; }
    JobPage.-low #job-views { margin-bottom: 0; }
    JobPage ContentSwitcher { height: 1fr; }
    JobPage .page { height: 1fr; }
    JobPage .page Static { width: 100%; height: auto; }
    """

    shown: reactive[View] = reactive("overview")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.watching = Watching(self.draw)
        self._log = Page()
        self._looking = False

    @property
    def job_id(self) -> str | None:
        return self.watching.watched.job.id if self.watching.watched else None

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    def compose(self) -> ComposeResult:
        yield Static(id="job-head", markup=False)
        yield Static(id="job-progress", markup=False)
        yield Views(id="job-views", markup=False)
        with ContentSwitcher(initial="overview"):
            yield Overview(self.watching, self._save, id="overview")
            yield Curves(self.watching, self._save, id="curves")
            yield Cards(self.watching, id="cards")
            yield LogView(self.watching, id="log")
            yield Replies(self.watching, id="replies")
            with VerticalScroll(id="facts", classes="page"):
                yield Static(id="facts-text", markup=False)

    def on_mount(self) -> None:
        self._draw_views()
        self.set_interval(_LOOK_SECONDS, self._look_again)
        self.call_after_refresh(self.draw)
        self.call_after_refresh(self._look_again)

    def relabel(self) -> None:
        self._draw_views()
        self.draw()

    # -- looking -------------------------------------------------------------------------------------------------------

    def show(self, job_id: str | None) -> None:
        """Another job, or none; the one that is shown already goes on."""
        if job_id == self.job_id:
            return
        self.watching.begin(job_id)
        self._log = Page()
        self._looking = False
        if not is_there(self):
            return
        self.query_one(LogView).begin_anew()
        self.query_one(Replies).begin_anew()
        self.draw()
        self._look_again()

    def _look_again(self) -> None:
        """While somebody can see it."""
        if self.watching.watched and not self._looking and self.display and self.screen.is_current:
            self._looking = True
            begin(self, self._look, self._tell_fault, group="look", exclusive=True)

    async def _look(self) -> None:
        """Again at once where not all was read yet: the curves grow before the reader's eyes."""
        watched = self.watching.watched
        if watched is None:
            return
        try:
            more = True
            while more:
                seconds = _LONG_LOOK if self.watching.look else _FIRST_LOOK
                look = await asyncio.to_thread(watched.look, seconds, past=self.shown == "cards")
                attempt = look.standing.state.get("attempt") or 1
                log = await asyncio.to_thread(page, watched.job.log(attempt)) if not look.more else self._log
                if watched is not self.watching.watched:
                    return
                self._take(look, log)
                more = look.more
        finally:
            if watched is self.watching.watched:
                self._looking = False

    def _take(self, look: Look, log: Page) -> None:
        before, self.watching.look = self.watching.look, look
        if (before, self._log) != (look, log):
            self._log = log
            self.draw()

    def _tell_fault(self, fault: Fault) -> None:
        self.query_one("#job-head", Static).update(Content.styled(safe(str(fault)), "$error"))

    # -- drawing -------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """The head, and the view that is in sight. A line of one row takes no new layout: that of a whole screen is worth a key's echo."""
        if not is_there(self):
            return
        look = self.watching.look
        self.query_one("#job-head", Static).update(head_line(look) if look else self._nothing(), layout=False)
        self.query_one("#job-progress", Static).update(progress_line(look) if look else Content(""), layout=False)
        {
            "overview": self._draw_overview,
            "curves": self.query_one(Curves).draw,
            "cards": self.query_one(Cards).draw,
            "log": lambda: self.query_one(LogView).show_end(self._log),
            "replies": self.query_one(Replies).draw,
            "facts": self._draw_facts,
        }[self.shown]()

    def _nothing(self) -> Content:
        told = (
            say("읽는 중 …", "reading …") if self.watching.watched else say("고른 학습이 없어요.", "No job is chosen.")
        )
        return Content.styled(told, "$quiet")

    def _draw_overview(self) -> None:
        overview = self.query_one(Overview)
        overview.show_log(self._log)
        overview.draw()

    def _draw_facts(self) -> None:
        look = self.watching.look
        self.query_one("#facts-text", Static).update(joined(self._facts(look)) if look else Content(""))

    def _facts(self, look: Look) -> list[Content]:
        lines = reckoning_lines(look.reckoning, self.host.config.won_per_dollar)
        best = best_text(look)
        told = [
            say(f"가장 낮은 평가 손실 {best}", f"best evaluation {best}") if best else "",
            ends_text(look, datetime.now()),
            malformed_text(look),
        ]
        lines += [Content(line) for line in ["", *filter(None, told), ""]]
        found = alarm_lines(look, _MOST_ALARMS)
        nothing = [Content.styled(say("경보가 없어요.", "Nothing went wrong."), "$quiet")]
        lines += [Content.styled(say("경보", "Alarms"), "bold"), *(found or nothing)]
        return [*lines, Content(""), Content.styled(say("레시피", "Recipe"), "bold"), *recipe_lines(look)]

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 24, "-low")
        self.call_after_refresh(self.draw)

    # -- views ---------------------------------------------------------------------------------------------------------

    def action_job_view(self, name: View) -> None:
        self.shown = name

    def watch_shown(self) -> None:
        if not is_there(self):
            return
        had_focus = self.has_focus_within
        self._draw_views()
        self.query_one(ContentSwitcher).current = self.shown
        self.draw()
        if had_focus:
            self.focus_view()

    def focus_view(self) -> None:
        """The keys of what is shown."""
        view = self.query_one(f"#{self.shown}")
        (view.query_one("#log-lines") if isinstance(view, LogView) else view).focus()

    def _draw_views(self) -> None:
        """The views by their keys; the one that is shown stands out."""
        parts = [
            Content.assemble(
                (f"{key} ", "$quiet"), (name, "bold underline $accent" if view == self.shown else "")
            ).stylize(Style.from_meta({"view": view}))
            for key, view, name in _views()
        ]
        self.query_one("#job-views", Static).update(Content("  ").join(parts))

    # -- pictures ------------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        from kullm_tui.ui.train.page.picture import save_curves

        if self.watching.watched:
            panels = None if self.shown == "curves" else 1
            begin(self, lambda: save_curves(self, self.watching, panels), self._tell_fault)


def _views() -> list[tuple[str, View, str]]:
    return [
        ("1", "overview", say("한눈에", "glance")),
        ("2", "curves", say("곡선", "curves")),
        ("3", "cards", "GPU"),
        ("4", "log", say("기록", "log")),
        ("5", "replies", say("예시 답", "replies")),
        ("6", "facts", say("예상·경보", "plan")),
    ]
