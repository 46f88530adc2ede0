"""The conversation on the screen: its turns, following what streams or standing still where the reader reads.

Only the last turns are mounted; the earlier ones come when the reader gets to the top.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets._static import Static
from textual.worker import WorkType

from kullm_tui.core.asking.live_reply import LiveReply
from kullm_tui.core.language import say
from kullm_tui.ui import keymap
from kullm_tui.ui.background import Fault, begin
from kullm_tui.ui.conversation.copy import copy_turn
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.turn import TurnView
from kullm_tui.ui.judge.subject import Subject, subject_of
from kullm_tui.ui.judge.verdict_card import VerdictCard
from kullm_tui.ui.keymap.key import When
from kullm_tui.ui.text import safe

if TYPE_CHECKING:
    from kullm_tui.core.store.history import Turn
    from kullm_tui.ui.judge.host import JudgingHost
    from kullm_tui.ui.judge.service import JudgeService

TurnVerb = Literal["edit", "regenerate", "correct", "keep", "never"]

_PAGE = 16  # turns mounted at once


class Earlier(Static):
    """The line at the top that stands for the turns before."""


class Rest(Static):
    """What is left of the page below a short conversation, which would else hang at the bottom."""


class Thread(VerticalScroll, can_focus=True):
    DEFAULT_CSS = """
    Thread { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    Thread > Rest { height: 1fr; }
    Thread > Earlier { height: 1; color: $quiet; text-align: center; margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = keymap.bindings(keymap.THREAD)

    following: var[bool] = var(True)
    """Whether the end stays in sight while it grows."""
    chosen: var[int | None] = var(None, init=False)
    """The id of the turn that the keys act on."""

    @dataclass
    class Followed(Message):
        """The reader came to the end, or left it."""

        following: bool

    @dataclass
    class TurnAction(Message):
        """A key of the thread that acts on the chosen turn."""

        action: TurnVerb
        view: TurnView

    class Left(Message):
        """Back to the prompt."""

    def __init__(self, replies: Replies) -> None:
        super().__init__()
        self._replies = replies
        self._turns: list[Turn] = []
        self._titles: Mapping[str, str] = {}
        self._first = 0  # the first turn that is mounted
        self.hides_kept = False  # cards of judgements that nobody has asked for here would tell who answers

    def compose(self) -> ComposeResult:
        yield Rest()

    def on_mount(self) -> None:
        self.anchor()
        self._judging.changed.subscribe(self, self._judged)

    # -- what is shown -------------------------------------------------------------------------------------------------

    @property
    def turns(self) -> Sequence[Turn]:
        return self._turns

    def view_of(self, turn_id: int | None) -> TurnView | None:
        return next((view for view in self.views if view.turn.id == turn_id), None)

    @property
    def views(self) -> list[TurnView]:
        return list(self.query_children(TurnView))

    async def show(self, turns: Sequence[Turn], titles: Mapping[str, str], *, anew: bool = False) -> None:
        """These turns, keeping the widgets of those that are there already, so that nothing jumps."""
        async with self.batch():
            self._titles = titles
            kept = 0 if anew else _common(self._turns, turns)
            if anew or kept <= self._first:
                kept, self._first = 0, max(0, len(turns) - _PAGE)
            gone = [view for view in self.views if view.turn.id not in {turn.id for turn in turns[self._first : kept]}]
            self._turns = list(turns)
            await self.remove_children([*gone, *(self.query_children(Earlier) if self._first == 0 else ())])
            for view, turn in zip(self.views, turns[self._first : kept], strict=True):
                await view.update_turn(turn)
            await self.mount_all([self._view(turn) for turn in turns[max(kept, self._first) :]], before="Rest")
            if self._first:
                await self._tell_earlier()
        self._recall()
        if self.chosen not in {turn.id for turn in turns}:
            self.chosen = None
        self.screen.refresh_bindings()
        if anew:
            self.follow()

    def _view(self, turn: Turn) -> TurnView:
        view = TurnView(turn, self._titles, self._replies[turn.id])
        view.set_class(turn.id == self.chosen, "-chosen")
        return view

    async def _tell_earlier(self) -> None:
        if not self.query_children(Earlier):
            await self.mount(Earlier(), before=0)
        self.relabel()

    def relabel(self) -> None:
        line = Content(say(f"앞의 {self._first:,}차례 더 보기 ↑", f"{self._first:,} earlier turns ↑"))
        for earlier in self.query_children(Earlier).results(Earlier):
            earlier.update(line)

    async def show_earlier(self, until: int | None = None) -> None:
        """A page more at the top; what the reader looks at stays where it is."""
        if self._first == 0:
            return
        first = max(0, min(self._first - _PAGE, self._first if until is None else until))
        fresh = [self._view(turn) for turn in self._turns[first : self._first]]
        self._first = first
        from_end = self.max_scroll_y - self.scroll_y
        async with self.batch():
            await self.mount_all(fresh, before=self.views[0])
            if first:
                await self._tell_earlier()
            else:
                await self.remove_children(Earlier)
        self._recall()
        self.call_after_refresh(lambda: self.scroll_to(y=self.max_scroll_y - from_end, animate=False))

    def grow(self, reply: LiveReply) -> None:
        view = self.view_of(reply.reply_id)
        if view:
            view.grow()

    async def settle(self, turn: Turn) -> None:
        view = self.view_of(turn.id)
        if view:
            await view.settle(turn)
        self._turns = [turn if one.id == turn.id else one for one in self._turns]
        self._recall()
        self.screen.refresh_bindings()

    # -- what judges said ----------------------------------------------------------------------------------------------

    @property
    def _judging(self) -> JudgeService:
        return cast("JudgingHost", self.app).judging

    def _judged(self, subject: Subject) -> None:
        """Something changed about a reply, which may stand in several places."""
        if subject in [one for _, one in self._subjects()]:
            self._recall()
            self.screen.refresh_bindings()

    def _subjects(self) -> list[tuple[TurnView, Subject]]:
        found = [(view, subject_of(self._turns, view.turn.id)) for view in self.views]
        return [(view, subject) for view, subject in found if subject]

    def _recall(self) -> None:
        """The cards of the replies that are mounted, from what was kept and what is under way."""
        told: WorkType[None] = self._tell_verdicts
        self.run_worker(told, group="verdicts", exclusive=True, exit_on_error=False)

    async def _tell_verdicts(self) -> None:
        judging, subjects = self._judging, self._subjects()
        if not subjects:
            return
        wanted = [not self.hides_kept or judging.was_asked_for(subject) for _, subject in subjects]
        kept = await asyncio.to_thread(
            lambda: [
                judging.verdicts_about(one) if shown else [] for (_, one), shown in zip(subjects, wanted, strict=True)
            ]
        )
        for (view, subject), verdicts in zip(subjects, kept, strict=True):
            waiting = judging.waiting(subject)
            if view.verdicts and view.is_attached:
                doing, since = (waiting.doing, waiting.began) if waiting else ("", None)
                view.verdicts.show(verdicts, doing, since=since)

    @property
    def is_judging(self) -> bool:
        return any(self._judging.waiting(subject) for _, subject in self._subjects())

    def holds(self, when: When) -> bool:
        if when == "begun":
            return bool(self._turns)
        if when == "asked":
            return any(turn.role == "user" for turn in self._turns)
        if when == "replied":
            return self.subject is not None
        view = self.view_of(self.chosen)
        return view is not None and _offers(view, when)

    def action_judge(self) -> None:
        """The chosen reply, or the reply to the chosen question; else the last one."""
        subject = self.subject
        if subject is None:
            self.app.notify(say("채점할 답이 아직 없어요.", "There is no reply to judge yet."), markup=False)
        else:
            self._judging.request(subject)

    @property
    def subject(self) -> Subject | None:
        """What would be judged."""
        return subject_of(self._turns, self._to_judge() or 0)

    def _to_judge(self) -> int | None:
        ids = [turn.id for turn in self._turns]
        chosen = ids.index(self.chosen) if self.chosen in ids else None
        replies = [turn.id for turn in self._turns if turn.role == "assistant"]
        after = [turn.id for turn in self._turns[chosen:] if turn.role == "assistant"] if chosen is not None else []
        return next(iter(after), None) or next(reversed(replies), None)

    def stop_judging(self) -> bool:
        """False where nothing here was being judged."""
        return self._judging.stop([subject for _, subject in self._subjects()])

    @on(VerdictCard.Opened)
    def _card_opened(self, event: VerdictCard.Opened) -> None:
        event.stop()
        subject = next((one for view, one in self._subjects() if view.verdicts is event.card), None)
        if subject:
            self._judging.open(subject)

    # -- following and scrolling ---------------------------------------------------------------------------------------

    def follow(self) -> None:
        self.anchor()
        self.following = True

    def release_anchor(self) -> None:
        super().release_anchor()
        self.following = self.max_scroll_y <= 0

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value >= self.max_scroll_y:
            self.following = True
        if new_value <= 0 < old_value and self._first:
            earlier: WorkType[None] = self.show_earlier
            self.run_worker(earlier, group="earlier turns", exclusive=True, exit_on_error=False)

    def watch_following(self, following: bool) -> None:
        self.post_message(self.Followed(following))

    @on(events.Click, "Earlier")
    async def _earlier_clicked(self) -> None:
        await self.show_earlier()

    # -- choosing a turn -----------------------------------------------------------------------------------------------

    def watch_chosen(self, chosen: int | None) -> None:
        for view in self.views:
            view.set_class(view.turn.id == chosen, "-chosen")
        self.screen.refresh_bindings()

    def on_focus(self) -> None:
        if self.chosen is None and self.views:
            self.come_in(self.views[-1])

    def come_in(self, view: TurnView) -> None:
        """The turn that is chosen when the focus comes."""
        self.choose(view)

    def on_blur(self) -> None:
        self.chosen = None

    @on(TurnView.Clicked)
    def _turn_clicked(self, event: TurnView.Clicked) -> None:
        event.stop()
        if self.has_focus:
            self.chosen = event.view.turn.id

    async def reveal(self, turn_id: int) -> None:
        """The turn that a search found, in sight and marked."""
        place = next((place for place, turn in enumerate(self._turns) if turn.id == turn_id), None)
        if place is None:
            return
        while place < self._first:
            await self.show_earlier(place)
        for view in self.views:
            view.set_class(view.turn.id == turn_id, "-found")
        found = self.view_of(turn_id)
        if found:
            self.release_anchor()
            self.call_after_refresh(self.scroll_to_widget, found, animate=False, top=True)

    def choose(self, view: TurnView) -> None:
        self.chosen = view.turn.id
        self.scroll_to_widget(view, animate=False)

    async def action_choose(self, step: int) -> None:
        views = self.views
        if not views:
            return
        at = next((place for place, view in enumerate(views) if view.turn.id == self.chosen), len(views))
        if at + step < 0 and self._first:
            await self.show_earlier()
            return
        self.choose(views[max(0, min(len(views) - 1, at + step))])

    def action_branch(self, step: int) -> None:
        view = self.view_of(self.chosen)
        if view:
            self.post_message(TurnView.BranchAsked(view.turn, step))

    def action_thinking(self) -> None:
        """Of the chosen turn, unfolded or folded again."""
        view = self.view_of(self.chosen)
        if view and view.thinking:
            view.thinking.toggle()

    def action_copy(self) -> None:
        self._copy(code=False)

    def action_copy_code(self) -> None:
        self._copy(code=True)

    def _copy(self, *, code: bool) -> None:
        if view := self.view_of(self.chosen):
            begin(self, partial(copy_turn, self.app, view, code=code), self._tell_fault, group="copying")

    def _tell_fault(self, fault: Fault) -> None:
        self.app.notify(safe(str(fault)), severity="error", markup=False)

    def action_edit(self) -> None:
        self._act("edit")

    def action_regenerate(self) -> None:
        self._act("regenerate")

    def action_correct(self) -> None:
        self._act_on_reply("correct")

    def action_keep(self) -> None:
        self._act_on_reply("keep")

    def action_never(self) -> None:
        self._act_on_reply("never")

    async def action_feedback(self) -> None:
        await self.app.run_action("app.feedback")

    def _act_on_reply(self, action: TurnVerb) -> None:
        if self.holds("has reply"):
            self._act(action)
        else:
            self.app.notify(say("다 온 답을 골라야 해요.", "Choose a reply that has ended."), markup=False)

    def action_to_prompt(self) -> None:
        if not self.stop_judging():
            self.post_message(self.Left())

    def _act(self, action: TurnVerb) -> None:
        view = self.view_of(self.chosen)
        if view:
            self.post_message(self.TurnAction(action, view))


def _common(before: Sequence[Turn], after: Sequence[Turn]) -> int:
    """How many turns at the start are the same."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((place for place, (old, new) in pairs if old.id != new.id), min(len(before), len(after)))


def _offers(view: TurnView, when: When) -> bool:
    """What can be done with the chosen turn."""
    if when == "has code":
        return view.has_code
    if when == "has reply":
        return view.turn.role == "assistant" and view.live is None
    return view.turn.beside(-1 if when == "has earlier branch" else 1) is not None
