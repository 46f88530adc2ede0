"""What goes on at the chosen machine, below its name: its GPUs with who is on them, looked at again while the form is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from textual.content import Content
from textual.message import Message
from textual.widgets._static import Static

from kullm_tui.ui.background import Fault, apart, begin
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.train.machines.text import card_lines
from kullm_tui.ui.train.new.text import no_cards_line
from trainer.jobs.live import Live

_SECONDS = 5.0
_INDENT = 22

Look = Callable[[], Live]


class LiveLine(Static):
    @dataclass
    class Seen(Message):
        has_cards: bool

    def __init__(self) -> None:
        super().__init__(id="live", markup=False)
        self._look: Look | None = None
        self._is_here = True
        self._under_way = False

    def on_mount(self) -> None:
        self.set_interval(_SECONDS, self._again)

    def look_at(self, look: Look | None, *, is_here: bool) -> None:
        """None: nothing is known of how to look there. `look` asks nobody anything."""
        self._look, self._is_here = look, is_here
        if look is None:
            self.update("")
        self._again()

    def _again(self) -> None:
        if self._look and self.screen.is_current and not self._under_way:
            begin(self, partial(self._show, self._look), self._tell, group="live")

    async def _show(self, look: Look) -> None:
        self._under_way = True
        try:
            live = await apart(look)
        finally:
            self._under_way = False
        if look is not self._look:  # another machine was chosen meanwhile
            self._again()
            return
        lines = card_lines(live, max(20, self.screen.query_one("#form").size.width - _INDENT))
        self.update(Content("\n").join(lines) if lines else no_cards_line(live, is_here=self._is_here))
        self.post_message(self.Seen(bool(live.cards)))

    def _tell(self, fault: Fault) -> None:
        self.update(Content.styled(safe_line(str(fault).splitlines()[0]), "$warning"))
