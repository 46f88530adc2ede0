"""Two to four threads side by side, each under a head that says who, in what state and how fast; on a narrow screen one at a time, under tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from kullm_tui.ui import keymap
from kullm_tui.ui.compare.column_thread import ColumnThread
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.status_line import spread


class ColumnHead(Widget):
    """Two lines: the name with the speed at the right, and the state or how the reply differs from the others."""

    DEFAULT_CSS = """
    ColumnHead { height: 2; padding: 0 1; }
    ColumnHead .column-head--name { color: $accent; text-style: bold; }
    ColumnHead .column-head--quiet { color: $quiet; }
    ColumnHead .column-head--won { color: $success; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"column-head--name", "column-head--quiet", "column-head--won"}

    def __init__(self) -> None:
        super().__init__()
        self.column_name, self.state, self.speed, self.won = "", "", "", False

    def tell(
        self, *, name: str | None = None, state: str | None = None, speed: str | None = None, won: bool | None = None
    ) -> None:
        before = (self.column_name, self.state, self.speed, self.won)
        self.column_name = self.column_name if name is None else safe_line(name)
        self.state = self.state if state is None else safe_line(state)
        self.speed = self.speed if speed is None else speed
        self.won = self.won if won is None else won
        if before != (self.column_name, self.state, self.speed, self.won):
            self.refresh()

    def render(self) -> Content:
        name, quiet, won = (
            self.get_visual_style(f"column-head--{part}", partial=True) for part in ("name", "quiet", "won")
        )
        width = self.size.width
        right = Content(self.speed).stylize(quiet)
        mark = Content.styled("✓ ", won) if self.won else Content("")
        room = max(0, width - right.cell_length - mark.cell_length - 1)
        left = mark + Content(self.column_name).truncate(room, ellipsis=True).stylize(name)
        state = Content(self.state).truncate(width, ellipsis=True).stylize(quiet)
        return Content("\n").join([spread(left, right, width), state])


class ColumnView(Vertical):
    """`place` counts from the left."""

    DEFAULT_CSS = """
    ColumnView { width: 1fr; height: 1fr; border-left: solid $rule; }
    ColumnView.-first { border-left: none; }
    ColumnView:focus-within > ColumnHead { background: $accent 12%; }
    ColumnView.-aside { opacity: 45%; }
    ColumnView TurnView.-on-top { display: none; }
    ColumnView TurnView Byline { display: none; }
    ColumnView TurnView > Horizontal { layout: vertical; }
    ColumnView TurnView Byline.-branches { display: block; width: 1fr; margin: 0; }
    ColumnView TurnView .facts { display: none; }
    ColumnView TurnView.-system .facts { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = keymap.bindings(keymap.COLUMN)

    @dataclass
    class Pressed(Message):
        """Someone clicked on the head."""

        place: int

    @dataclass
    class OnlyHere(Message):
        """The next question goes to this column only."""

        place: int

    @dataclass
    class Judged(Message):
        """A judge is to compare this column's reply with the others."""

        place: int

    class InStep(Message):
        """The columns scroll together from now on, or no longer."""

    def __init__(self, place: int, replies: Replies) -> None:
        super().__init__(classes="-first" if place == 0 else "")
        self.place = place
        self.head = ColumnHead()
        self.thread = ColumnThread(replies)

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.thread

    def action_only_here(self) -> None:
        self.post_message(self.OnlyHere(self.place))

    def action_judge_pairs(self) -> None:
        self.post_message(self.Judged(self.place))

    def action_in_step(self) -> None:
        self.post_message(self.InStep())

    @on(events.Click, "ColumnHead")
    def _head_clicked(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Pressed(self.place))


class Tabs(Widget):
    """The columns by name, for a screen that shows only one of them."""

    DEFAULT_CSS = """
    Tabs { height: 1; padding: 0 1; display: none; color: $quiet; }
    Tabs .tabs--front { color: $accent; text-style: bold reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tabs--front"}

    @dataclass
    class Picked(Message):
        place: int

    def __init__(self) -> None:
        super().__init__()
        self._names: list[tuple[str, str]] = []
        self._front = 0

    def show(self, names: Sequence[tuple[str, str]], front: int) -> None:
        """Each name with a mark of its state."""
        if (list(names), front) != (self._names, self._front):
            self._names, self._front = list(names), front
            self.refresh()

    def render(self) -> Content:
        front = self.get_visual_style("tabs--front", partial=True)
        room = max(4, self.size.width // max(1, len(self._names)) - 4)
        items = []
        for place, (name, mark) in enumerate(self._names):
            text = Content.assemble(Content(f" {safe_line(name)}").truncate(room, ellipsis=True), f" {mark} ")
            style = (front if place == self._front else Style()) + Style.from_meta({"place": place})
            items.append(text.stylize(style))
        return Content("│").join(items)

    def on_click(self, event: events.Click) -> None:
        place = event.style.meta.get("place")
        if isinstance(place, int):
            self.post_message(self.Picked(place))


class Columns(Horizontal):
    DEFAULT_CSS = """
    Columns { height: 1fr; }
    """

    class Fronted(Message):
        """Another column is the one that a narrow screen shows."""

    def __init__(self, replies: Replies) -> None:
        super().__init__()
        self._replies = replies
        self._leader: ColumnThread | None = None
        self.front = 0

    @property
    def views(self) -> list[ColumnView]:
        return list(self.query_children(ColumnView))

    @property
    def focused_place(self) -> int | None:
        return next((view.place for view in self.views if view.has_focus_within), None)

    async def set_out(self, count: int) -> None:
        """This many columns, empty."""
        async with self.batch():
            await self.remove_children(ColumnView)
            await self.mount_all([ColumnView(place, self._replies) for place in range(count)])
        self.bring_to_front(0)

    def bring_to_front(self, place: int) -> None:
        self.front = max(0, min(place, len(self.views) - 1))
        for view in self.views:
            view.set_class(view.place == self.front, "-front")
        self.post_message(self.Fronted())

    def focus_column(self, place: int) -> None:
        self.bring_to_front(place)
        # A column that was behind can take the focus only once it is shown.
        self.call_after_refresh(self.views[self.front].thread.focus)

    def on_descendant_focus(self) -> None:
        place = self.focused_place
        if place is not None and place != self.front:
            self.bring_to_front(place)

    # -- scrolling together --------------------------------------------------------------------------------------------

    def follow_scrolling(self, leader: ColumnThread) -> None:
        """The others to where the leader is: to the same turn, as many lines into it, or to the end."""
        self._leader = leader
        self._lead(leader)

    def lead_again(self) -> None:
        """Behind the next drawing: a turn out of sight may have had fewer lines than it has."""
        if self._leader and self._leader.is_attached:
            self.call_after_refresh(self._lead, self._leader)

    def _lead(self, leader: ColumnThread) -> None:
        for view in self.views:
            if view.thread is leader or not view.display:
                continue
            if leader.following:
                view.thread.follow()
            else:
                view.thread.go_to(leader.where())
