"""The log of a job's attempts: its end followed as it grows, any place of it shown, words and the first error found however long it is.

Only a window of it is held. What is looked for is looked for in the file, in a thread.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.background import Work, begin
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import TRAIN_LOG
from kullm_tui.ui.text import safe
from kullm_tui.ui.train.page.watching import Watching
from trainer.jobs.log import FIRST_ERROR, Page, find, page, words


class LogLines(ScrollView, can_focus=True, inherit_bindings=False):
    """A window of a log; only the lines in sight are drawn. Its two ends are those of the file, which are the view's to find."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--line", "log--found", "log--bad"}
    DEFAULT_CSS = """
    LogLines { height: 1fr; overflow-x: hidden; background: transparent; }
    LogLines > .log--line { color: $foreground; }
    LogLines > .log--bad { color: $error; }
    LogLines > .log--found { color: $foreground; background: $accent 30%; }
    """

    @dataclass
    class Scrolled(Message):
        """By its reader, up (-1) or down (1)."""

        direction: int
        at_edge: bool  # of the window

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.page = Page()
        self.found: int | None = None  # a line

    def show(self, shown: Page, *, found: int | None = None) -> None:
        self.page, self.found = shown, found
        self.virtual_size = Size(self.size.width, len(shown.lines))
        self.refresh()

    def to_end(self) -> None:
        """Once the room for the lines is known."""
        self.call_after_refresh(self.scroll_end, animate=False, immediate=True)

    def to_line(self, line: int) -> None:
        place = max(0, line - self.size.height // 3)
        self.call_after_refresh(self.scroll_to, y=place, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        at, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if at >= len(self.page.lines) or width <= 0:
            return Strip.blank(self.size.width, self.rich_style)
        line = self.page.lines[at]
        bad = bool(FIRST_ERROR.search(line.encode()))
        name = "log--found" if at == self.found else "log--bad" if bad else "log--line"
        style = self.get_visual_style(name)
        content = Content(line).truncate(width, ellipsis=True)
        return Visual.to_strips(self, content, width, 1, style)[0].crop_extend(0, width, style.rich_style)

    def on_mouse_scroll_up(self) -> None:
        self._tell(-1)

    def on_mouse_scroll_down(self) -> None:
        self._tell(1)

    def action_scroll_up(self) -> None:
        self._tell(-1)
        super().action_scroll_up()

    def action_scroll_down(self) -> None:
        self._tell(1)
        super().action_scroll_down()

    def action_page_up(self) -> None:
        self._tell(-1)
        super().action_page_up()

    def action_page_down(self) -> None:
        self._tell(1)
        super().action_page_down()

    def _tell(self, direction: int) -> None:
        at = self.scroll_offset.y
        self.post_message(self.Scrolled(direction, at <= 0 if direction < 0 else at >= self.max_scroll_y))


class LogView(Vertical):
    BINDINGS: ClassVar[list[BindingType]] = bindings(TRAIN_LOG)
    DEFAULT_CSS = """
    LogView { height: 1fr; }
    LogView #log-head { height: 1; color: $quiet; }
    LogView #log-search { display: none; }
    LogView.-searching #log-search { display: block; }
    """

    def __init__(self, watching: Watching, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._watching = watching
        self._attempt = 0  # 0: the newest
        self._follows = True
        self._wanted: re.Pattern[bytes] | None = None
        self._told = ""

    def compose(self) -> ComposeResult:
        yield Static(id="log-head", markup=False)
        yield LogLines(id="log-lines")
        yield Input(id="log-search", placeholder=say("찾을 글", "what to find"))

    # -- what is shown -------------------------------------------------------------------------------------------------

    @property
    def lines(self) -> LogLines:
        return self.query_one(LogLines)

    @property
    def last_attempt(self) -> int:
        look = self._watching.look
        told = look.standing.state.get("attempt") if look else 0
        return told if isinstance(told, int) and told > 0 else 1

    @property
    def path(self) -> Path | None:
        watched = self._watching.watched
        return watched.job.log(self._attempt or self.last_attempt) if watched else None

    def begin_anew(self) -> None:
        """For another job."""
        self._attempt, self._follows, self._wanted, self._told = 0, True, None, ""
        self.lines.show(Page())

    def show_end(self, last: Page) -> None:
        """What has come since, where its end is followed."""
        lines = self.lines
        if self._follows and not self._attempt and (last.size, last.end) != (lines.page.size, lines.page.end):
            lines.show(last)
            lines.to_end()
        self.draw()

    def draw(self) -> None:
        shown = self._attempt or self.last_attempt
        parts = [say(f"시도 {shown}/{self.last_attempt}", f"attempt {shown} of {self.last_attempt}")]
        if self._follows:
            name = self.path.name if self.path else ""
            parts.append(say(f"{name}의 끝을 따라가는 중", f"following the end of {name}"))
        elif page_size := self.lines.page.size:
            parts.append(f"{self.lines.page.begin / page_size:.0%}")
        if self._told:
            parts.append(self._told)
        if not self.lines.page.lines:
            parts.append(say("아직 기록이 없어요", "nothing in it yet"))
        parts.append(self._ways())
        self.query_one("#log-head", Static).update(Content("  ").join(Content(part) for part in parts), layout=False)

    def _ways(self) -> str:
        """What can be done from here."""
        ways = [say("/ 찾기", "/ find"), say("e 첫 오류", "e first error")]
        ways += [say("n·b 다음·이전", "n·b next, before")] if self._wanted else []
        ways += [] if self._follows else [say("end 따라가기", "end follows")]
        return " · ".join(ways)

    # -- where it is read ----------------------------------------------------------------------------------------------

    async def _go(self, place: int | None, *, found: bool = False) -> None:
        path = self.path
        if path is None:
            return
        shown = await asyncio.to_thread(page, path, place)
        lines = self.lines
        self._follows = place is None
        line = shown.line_at(place) if place is not None else None
        lines.show(shown, found=line if found else None)
        if line is None:
            lines.to_end()
        else:
            lines.to_line(line)
        self.draw()

    @on(LogLines.Scrolled)
    def _scrolled(self, event: LogLines.Scrolled) -> None:
        shown = self.lines.page
        self._follows = self._follows and event.direction > 0
        if event.at_edge and event.direction < 0 and shown.begin > 0:
            self._run(lambda: self._go(shown.begin))
        elif event.at_edge and event.direction > 0 and not shown.is_last:
            self._run(lambda: self._go(max(0, shown.end - 1)))
        self.draw()

    def action_follow_log(self) -> None:
        self._attempt = 0
        self._run(lambda: self._go(None))

    def action_log_begin(self) -> None:
        self._run(lambda: self._go(0))

    def action_attempt(self, direction: int) -> None:
        self._attempt = max(1, min(self.last_attempt, (self._attempt or self.last_attempt) + direction))
        if self._attempt == self.last_attempt:
            self._attempt = 0
        self._run(lambda: self._go(None))

    # -- what is looked for --------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        if action == "find_in_log":
            return self._wanted is not None and not self.has_class("-searching")
        if action == "leave_search":
            return self._wanted is not None or self.has_class("-searching")
        return not (self.has_class("-searching") and action != "search_log")

    def action_search_log(self) -> None:
        self.add_class("-searching")
        self.query_one(Input).focus()

    def action_leave_search(self) -> None:
        self._wanted, self._told = None, ""
        self._close_search()
        self.lines.show(self.lines.page)
        self.draw()

    def _close_search(self) -> None:
        self.remove_class("-searching")
        self.lines.focus()
        self.refresh_bindings()

    @on(Input.Submitted)
    def _asked(self, event: Input.Submitted) -> None:
        event.stop()
        text = safe(event.value).strip()
        self._close_search()
        if text:
            self._wanted = words(text)
            self.action_find_in_log(-1 if self._follows else 1)

    def action_find_in_log(self, direction: int) -> None:
        if self._wanted:
            wanted = self._wanted
            self._run(lambda: self._find(wanted, direction, self._here(direction)))

    def action_first_error(self) -> None:
        self._run(lambda: self._find(FIRST_ERROR, 1, 0))

    def _here(self, direction: int) -> int:
        """Behind the match that is shown, or in front of it; without one, what is in sight."""
        lines = self.lines
        at = lines.found if lines.found is not None else lines.scroll_offset.y
        if lines.found is None and direction < 0:
            return lines.page.end
        place = lines.page.places[at] if at < len(lines.page.places) else lines.page.end
        following = lines.page.places[at + 1] if at + 1 < len(lines.page.places) else lines.page.end
        return place if direction < 0 else following

    async def _find(self, wanted: re.Pattern[bytes], direction: int, place: int) -> None:
        path = self.path
        if path is None:
            return
        self._told = say("찾는 중 …", "looking …")
        self.draw()
        found = await asyncio.to_thread(find, path, wanted, place, backwards=direction < 0)
        if found is None:
            self._told = say("더 없어요", "no more")
            self.draw()
            return
        self._told = ""
        await self._go(found, found=True)
        self.refresh_bindings()

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell, group="log", exclusive=True)

    def _tell(self, fault: Exception) -> None:
        self._told = safe(str(fault))
        self.draw()
