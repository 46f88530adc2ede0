"""A thread in a column: it tells when its reader scrolls, and can be led to where another one is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from textual.geometry import Size
from textual.message import Message

from kullm_tui.ui.conversation.thread import Thread
from kullm_tui.ui.conversation.turn import TurnView


class Where(NamedTuple):
    """The turn at the top, counted from the last, and how many lines of it are above."""

    from_end: int
    lines: int


class ColumnThread(Thread):
    @dataclass
    class Scrolled(Message):
        """By its reader, not because it grew or was led."""

        thread: ColumnThread

    class Changed(Message):
        """It has more or fewer lines than before."""

    _led = False

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        """Textual's own; its reactive is set without a word to watchers."""
        before = self.virtual_size.height
        updated = super()._size_updated(size, virtual_size, container_size, layout)
        if virtual_size.height != before:
            self.post_message(self.Changed())
        return updated

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        followed = self.following
        super().watch_scroll_y(old_value, new_value)
        if not self._led and not (followed and self.following):
            self.post_message(self.Scrolled(self))

    def come_in(self, view: TurnView) -> None:
        """Chosen where it is: walking over the columns moves none of them."""
        self.chosen = view.turn.id

    def where(self) -> Where:
        views = [view for view in self.views if view.display]
        for from_end, view in enumerate(reversed(views), start=1):
            top = view.virtual_region.y
            if top <= self.scroll_y or from_end == len(views):
                return Where(from_end, round(self.scroll_y) - top)
        return Where(1, 0)

    def go_to(self, where: Where) -> None:
        views = [view for view in self.views if view.display]
        if not views:
            return
        view = views[max(0, len(views) - where.from_end)]
        aim = view.virtual_region.y + min(where.lines, view.virtual_region.height)
        self._led = True
        try:
            self.scroll_to(y=aim, animate=False, immediate=True)
        finally:
            self._led = False

    def put_on_top(self, turn_ids: Collection[int]) -> None:
        """These turns are shown above the columns, not in each."""
        for view in self.views:
            view.set_class(view.turn.id in turn_ids, "-on-top")
