"""Which reply is the best: a digit or a click. It shows once all have finished, and what is typed there goes to the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from kullm_tui.core.language import say
from kullm_tui.ui import places
from kullm_tui.ui.plain import safe_line

Outcome = Literal["best", "tie", "bad"]
_BETWEEN = "   "


class VoteBar(Widget, can_focus=True):
    DEFAULT_CSS = """
    VoteBar { height: 1; padding: 0 1; display: none; border-left: outer $accent; background: $accent 10%; }
    VoteBar.-shown { display: block; }
    VoteBar:focus { background: $accent 22%; }
    VoteBar .vote-bar--key { color: $accent; text-style: bold; }
    VoteBar .vote-bar--done { color: $success; text-style: bold; }
    VoteBar .vote-bar--quiet { color: $quiet; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"vote-bar--key", "vote-bar--done", "vote-bar--quiet"}
    BINDINGS: ClassVar[list[BindingType]] = places.bindings(places.VOTE)

    class Voted(Message):
        def __init__(self, outcome: Outcome, winner: int | None = None) -> None:
            super().__init__()
            self.outcome = outcome
            self.winner = winner

    class GoesOn(Message):
        """To the next question."""

    class Typed(Message):
        """Someone went on writing."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self._names: Sequence[str] = ()
        self._told = ""
        self._next = ""
        self._is_typed_at = False  # somebody writes, and the focus is on its way to the prompt

    def ask(self, names: Sequence[str], *, goes_on: str = "") -> None:
        self._show(names, "", goes_on)

    def tell(self, names: Sequence[str], told: str, *, goes_on: str = "") -> None:
        """What was voted; a digit votes again."""
        self._show(names, told, goes_on)

    def _show(self, names: Sequence[str], told: str, goes_on: str) -> None:
        self._names, self._told, self._next = [safe_line(name) for name in names], safe_line(told), goes_on
        self.add_class("-shown")
        self.refresh()

    def hide(self) -> None:
        self.remove_class("-shown")

    @property
    def is_shown(self) -> bool:
        return self.has_class("-shown")

    def render(self) -> Content:
        width = self.size.width
        if self._told:
            return self._result(width)
        lead = Content.styled(say("가장 나은 답은?", "Which is best?"), "bold")
        for cells, before in ((24, [lead]), (14, [lead]), (14, []), (8, []), (2, [])):  # nothing is cut off at the end
            line = Content(_BETWEEN).join([*before, *self._ways(cells)])
            if line.cell_length <= width:
                return line
        return line.truncate(width, ellipsis=True)

    def _ways(self, cells: int) -> list[Content]:
        key = self.get_visual_style("vote-bar--key", partial=True)
        ways = [(str(place + 1), name, f"best({place})") for place, name in enumerate(self._names)]
        ways += [("0", say("비김", "tie"), "tie"), ("9", say("모두 나쁨", "all bad"), "bad")]
        return [
            Content.assemble(
                (digit, key), " ", Content(name).truncate(max(cells, 9) if digit in "09" else cells, ellipsis=True)
            ).stylize(Style.from_meta({"vote": vote}))
            for digit, name, vote in ways
        ]

    def _result(self, width: int) -> Content:
        done, quiet = (self.get_visual_style(f"vote-bar--{part}", partial=True) for part in ("done", "quiet"))
        digits = f"1–{len(self._names)} 0 9"
        whole = " · ".join(filter(None, (say(f"{digits} 다시 투표", f"{digits} vote again"), self._next)))
        # What was voted comes first, and then what goes on; the way to another vote and to a new comparison have keys of their own.
        hints = (whole, self._next, self._next.partition(" · ")[0])
        needed = Content(self._told).cell_length + 5
        hint = next((one for one in hints if needed + Content(one).cell_length <= width), hints[-1])
        room = max(12, width - Content(hint).cell_length - 5)
        told = Content(self._told).truncate(room, ellipsis=True)
        return Content.assemble(("✓ ", done), told, _BETWEEN, (hint, quiet)).truncate(width, ellipsis=True)

    # -- keys and clicks -----------------------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Letters are the beginning of the next question, also in Hangul mode; whatever comes right after them is the rest of it."""
        if character is None or not character.isprintable():
            return False
        return self._is_typed_at or not (character.isdigit() or key == "space")

    def on_key(self, event: events.Key) -> None:
        character = event.character
        if character and self.check_consume_key(event.key, character):
            event.stop()
            event.prevent_default()
            self._typed(character)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._typed(event.text)

    def _typed(self, text: str) -> None:
        self._is_typed_at = True
        self.post_message(self.Typed(text))

    def on_focus(self) -> None:
        self._is_typed_at = False

    def on_click(self, event: events.Click) -> None:
        vote = event.style.meta.get("vote")
        if vote == "tie":
            self.action_tie()
        elif vote == "bad":
            self.action_bad()
        elif isinstance(vote, str):
            self.action_best(int(vote.removeprefix("best(").removesuffix(")")))

    def action_best(self, place: int) -> None:
        if place < len(self._names):
            self.post_message(self.Voted("best", place))

    def action_tie(self) -> None:
        self.post_message(self.Voted("tie"))

    def action_bad(self) -> None:
        self.post_message(self.Voted("bad"))

    def action_goes_on(self) -> None:
        self.post_message(self.GoesOn())
