"""Which reply is the best: ← → and Enter, or a click. It shows once all have finished.

Nothing that can be typed votes: every character that arrives here is the beginning of the next question, and goes to the prompt at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from kullm_tui.core.language import say
from kullm_tui.ui import keymap
from kullm_tui.ui.text import safe_line

Outcome = Literal["best", "tie", "bad"]
_BETWEEN = "   "


class VoteBar(Widget, can_focus=True):
    DEFAULT_CSS = """
    VoteBar { height: 1; padding: 0 1; display: none; border-left: outer $accent; background: $accent 10%; }
    VoteBar.-shown { display: block; }
    VoteBar:focus { background: $accent 22%; }
    VoteBar .vote-bar--way { color: $accent; }
    VoteBar .vote-bar--chosen { color: $accent; text-style: bold reverse; }
    VoteBar .vote-bar--done { color: $success; text-style: bold; }
    VoteBar .vote-bar--quiet { color: $quiet; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"vote-bar--{part}" for part in ("way", "chosen", "done", "quiet")}
    BINDINGS: ClassVar[list[BindingType]] = keymap.bindings(keymap.VOTE)

    @dataclass
    class Voted(Message):
        outcome: Outcome
        winner: int | None = None

    class GoesOn(Message):
        """Enter, and nothing was chosen: to the next question, where this one was voted on."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` is called at once, not by a message: a key that follows must find the prompt with what came before it."""
        super().__init__()
        self._write = write
        self._names: Sequence[str] = ()
        self._told = ""
        self._next = ""
        self._chosen: int | None = None  # among the ways to vote

    def show(self, names: Sequence[str], *, told: str = "", goes_on: str = "") -> None:
        """Asks; with what was voted, whoever chooses again votes again."""
        self._names, self._told, self._next = [safe_line(name) for name in names], safe_line(told), goes_on
        self._chosen = None
        self.add_class("-shown")
        self.refresh()

    def hide(self) -> None:
        self.remove_class("-shown")

    @property
    def is_shown(self) -> bool:
        return self.has_class("-shown")

    def render(self) -> Content:
        width = self.size.width
        if self._told and self._chosen is None:
            return self._result(width)
        lead = Content.styled(say("가장 나은 답은?", "Which is best?"), "bold")
        keys = self._quiet("← → ⏎")
        room: tuple[tuple[int, list[Content], list[Content]], ...] = (
            (24, [lead], [keys]),
            (14, [lead], [keys]),
            (14, [], [keys]),
            (8, [], []),
            (2, [], []),
        )
        for cells, before, behind in room:  # nothing is cut off at the end
            line = Content(_BETWEEN).join([*before, *self._ways(cells), *behind])
            if line.cell_length <= width:
                return line
        return line.truncate(width, ellipsis=True)

    def _ways(self, cells: int) -> list[Content]:
        way, chosen = (self.get_visual_style(f"vote-bar--{part}", partial=True) for part in ("way", "chosen"))
        few = len(self._names)
        labels = [*self._names, say("비김", "tie"), say("모두 나쁨", "all bad")]
        return [
            Content(label)
            .truncate(cells if place < few else max(cells, 9), ellipsis=True)
            .stylize(chosen if place == self._chosen else way)
            .stylize(Style.from_meta({"vote": place}))
            for place, label in enumerate(labels)
        ]

    def _quiet(self, text: str) -> Content:
        return Content.styled(text, self.get_visual_style("vote-bar--quiet", partial=True))

    def _result(self, width: int) -> Content:
        done, quiet = (self.get_visual_style(f"vote-bar--{part}", partial=True) for part in ("done", "quiet"))
        whole = " · ".join(filter(None, (say("← → 다시 투표", "← → vote again"), self._next)))
        # What was voted comes first, and then what goes on; the way to another vote and to a new comparison have keys of their own.
        hints = (whole, self._next, self._next.partition(" · ")[0])
        needed = Content(self._told).cell_length + 5
        hint = next((one for one in hints if needed + Content(one).cell_length <= width), hints[-1])
        room = max(12, width - Content(hint).cell_length - 5)
        told = Content(self._told).truncate(room, ellipsis=True)
        return Content.assemble(("✓ ", done), told, _BETWEEN, (hint, quiet)).truncate(width, ellipsis=True)

    # -- keys and clicks -----------------------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None = None) -> bool:  # noqa: ARG002 - Textual's own
        """Whatever can be typed is text, also a digit, a space, and Hangul."""
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if event.character and self.check_consume_key(event.key, event.character):
            event.stop()
            event.prevent_default()
            self._write(event.character)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._write(event.text)

    def on_blur(self) -> None:
        self._chosen = None
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        vote = event.style.meta.get("vote")
        if isinstance(vote, int):
            self._vote(vote)

    def action_choose_vote(self, step: int) -> None:
        """Round and round: the first key chooses the first way or the last."""
        count = len(self._names) + 2
        before = self._chosen if self._chosen is not None else (-1 if step > 0 else 0)
        self._chosen = (before + step) % count
        self.refresh()

    def action_vote(self) -> None:
        """For what was chosen; where nothing is, one goes on."""
        if self._chosen is not None:
            self._vote(self._chosen)
        else:
            self.post_message(self.GoesOn())

    def _vote(self, place: int) -> None:
        self._chosen = None
        self.refresh()
        few = len(self._names)
        if place < few:
            self.post_message(self.Voted("best", place))
        else:
            self.post_message(self.Voted("tie" if place == few else "bad"))
