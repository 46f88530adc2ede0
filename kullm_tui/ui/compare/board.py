"""The comparison on the screen: the question, the columns with their heads, the vote bar. It shows what the controller knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from kullm_tui.core.language import say
from kullm_tui.ui.compare import text
from kullm_tui.ui.compare.column_thread import ColumnThread
from kullm_tui.ui.compare.columns import Columns, Tabs
from kullm_tui.ui.compare.question_header import Asked
from kullm_tui.ui.compare.vote_bar import VoteBar

if TYPE_CHECKING:
    from kullm_tui.core.store.comparisons import Vote
    from kullm_tui.core.store.history import Turn
    from kullm_tui.ui.compare.controller import CompareController

_HEADS_SECONDS = 0.25  # between two looks at what runs in the heads


class ContestView(Vertical):
    DEFAULT_CSS = """
    ContestView { height: 1fr; }
    """

    def __init__(self, controller: CompareController, write: Callable[[str], None]) -> None:
        """`write` takes what is typed at the vote bar."""
        super().__init__()
        self._controller = controller
        self.asked, self.tabs, self.vote_bar = Asked(), Tabs(), VoteBar(write)
        self.columns = Columns(controller.replies)

    def compose(self) -> ComposeResult:
        yield self.asked
        yield self.tabs
        yield self.columns
        yield self.vote_bar

    def on_mount(self) -> None:
        self.asked.show("")
        self.set_interval(_HEADS_SECONDS, self.look)

    # -- which columns -------------------------------------------------------------------------------------------------

    @property
    def focused_place(self) -> int | None:
        return self.columns.focused_place

    def place_of(self, turn: Turn) -> int | None:
        return next((view.place for view in self.columns.views if view.thread.view_of(turn.id)), None)

    @property
    def chosen_thread(self) -> ColumnThread:
        place = self.focused_place
        return self.columns.views[self.columns.front if place is None else place].thread

    @property
    def chosen_threads(self) -> list[ColumnThread]:
        """The focused one; else all."""
        place = self.focused_place
        return [view.thread for view in self.columns.views if place in (None, view.place)]

    # -- what is shown -------------------------------------------------------------------------------------------------

    def tell_question(self) -> None:
        """The question that the columns share on top, and not in each of them."""
        asked = [_last_question(self._controller.turns(view.place)) for view in self.columns.views]
        words = [(turn.content, turn.input) if turn else None for turn in asked]
        shared = next((one for one in words if one and words.count(one) > 1), None)
        run = self._controller.voting.questions
        self.asked.show(*(shared or ("", "")), ahead=run.told if run else "")
        for view, turn in zip(self.columns.views, asked, strict=True):
            view.thread.put_on_top({turn.id} if turn and (turn.content, turn.input) == shared else set())

    def tell_addressee(self) -> None:
        """Those that the next question does not go to stand back."""
        for view in self.columns.views:
            view.set_class(self._controller.only not in (None, view.place), "-aside")

    def tell_heads(self) -> None:
        names, voting = self._controller.names, self._controller.voting
        replies = voting.round.replies if voting.round else ()
        differences = text.differences(replies)
        # How fast somebody is tells who it is.
        speeds = [""] * len(replies) if self._controller.hidden else text.speeds(replies)
        won = voting.vote_of_round.winner if voting.vote_of_round else None
        for view, name in zip(self.columns.views, names, strict=False):
            view.head.tell(name=name, won=view.place == won)
            if view.place < len(replies):
                view.head.tell(state=differences[view.place], speed=speeds[view.place])
            elif not self._controller.busy:
                view.head.tell(state="", speed="")
        self.look()

    def tell_ended(self, place: int, turn: Turn) -> None:
        """One of the columns has finished before the others."""
        self.columns.views[place].head.tell(
            state=text.differences([turn])[0] or say("끝", "done"),
            speed="" if self._controller.hidden else text.speeds([turn])[0],
        )
        self.tell_heads()

    def look(self) -> None:
        """What runs by itself: seconds and speeds of what is on its way."""
        marks = []
        for view in self.columns.views:
            live, waits = self._controller.live(view.place), self._controller.waits(view.place)
            if live:
                speed = "" if self._controller.hidden else text.live_speed(live)
                view.head.tell(state=text.state_of(live), speed=speed)
            elif waits:
                view.head.tell(state=text.waits_its_turn(), speed="")
            mark = "●" if live else "…" if waits else "✓" if view.head.won else " "
            marks.append((view.head.column_name, mark))
        self.tabs.show(marks, self.columns.front)

    def tell_vote(self) -> bool:
        """Whether there is something to vote on."""
        voting, bar = self._controller.voting, self.vote_bar
        if self._controller.busy or voting.round is None or not voting.round.can_be_voted_on:
            bar.hide()
            return False
        run = voting.questions
        goes_on = (
            say("⏎ 다음 질문", "⏎ next question")
            if run and not run.is_last
            else say("⏎ 이어 묻기 · ^n 새 비교", "⏎ ask on · ^n a new one")
        )
        if voting.vote_of_round:
            bar.show(self._controller.names, told=self._voted(voting.vote_of_round), goes_on=goes_on)
        else:
            bar.show(self._controller.names)
        return True

    def _voted(self, vote: Vote) -> str:
        if vote.outcome == "tie":
            return say("비김으로 투표했어요", "voted a tie")
        if vote.outcome == "bad":
            return say("모두 나쁨으로 투표했어요", "voted all bad")
        place, comparison = vote.winner or 0, self._controller.comparison
        was = f"{text.letter(place)} = " if comparison and comparison.blind else ""
        name = self._controller.names[place]
        return say(f"{was}{name}에 투표했어요", f"voted for {was}{name}")


def _last_question(turns: Sequence[Turn]) -> Turn | None:
    return next((turn for turn in reversed(turns) if turn.role == "user"), None)
