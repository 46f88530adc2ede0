"""The comparison: the question on top, a column a model, the vote bar and the prompt. What it does is `CompareController`'s business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.compare.board import ContestView
from kullm_tui.ui.compare.column_thread import ColumnThread
from kullm_tui.ui.compare.columns import Columns, ColumnView, Tabs
from kullm_tui.ui.compare.controller import CompareController
from kullm_tui.ui.compare.toggles import Switches
from kullm_tui.ui.compare.vote_bar import VoteBar
from kullm_tui.ui.conversation.live_replies import Replies
from kullm_tui.ui.conversation.screen import ConversationScreen
from kullm_tui.ui.conversation.thread import Thread
from kullm_tui.ui.conversation.turn import TurnView
from kullm_tui.ui.keymap import COMPARE, bindings
from kullm_tui.ui.keymap.key import When
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.core.store.comparisons import Comparison
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.ui.conversation.host import ConversationHost
    from kullm_tui.ui.dialogs.text_file import Attachment


class CompareScreen(ConversationScreen):
    controller: CompareController
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(COMPARE), Binding("f8", "contestants", show=False)]
    DEFAULT_CSS = """
    CompareScreen #addressee { height: 1; padding: 0 2; color: $accent; display: none; }
    CompareScreen #addressee.-shown { display: block; }
    CompareScreen #foot { height: 1; }
    CompareScreen.-narrow Tabs { display: block; }
    CompareScreen.-narrow ColumnView { display: none; border-left: none; }
    CompareScreen.-narrow ColumnView.-front { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.controller = CompareController(self, Replies(self))
        self.view = ContestView(self.controller, self.write)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status)
        yield self.view
        yield Notice()
        yield Static(id="addressee", markup=False)
        yield self.prompt
        with Horizontal(id="foot"):
            yield KeyBar()
            yield Switches()

    @property
    def host(self) -> ConversationHost:
        return cast("ConversationHost", self.app)

    @property
    def columns(self) -> Columns:
        return self.view.columns

    @property
    def vote_bar(self) -> VoteBar:
        return self.view.vote_bar

    def relabel(self) -> None:
        self.controller.relabel()
        self.view.tell_question()
        self.tell_addressee()
        self.tell_round()

    # -- what the controller tells -------------------------------------------------------------------------------------------

    def notice(self, text: str = "", *, error: bool = False) -> None:
        """A line above the prompt; empty takes it away."""
        self.query_one(Notice).tell(text, error=error)

    def tell_addressee(self) -> None:
        """Whom the next question goes to, where that is not everybody."""
        only = self.controller.only
        line = self.query_one("#addressee", Static)
        line.set_class(only is not None, "-shown")
        self.view.tell_addressee()
        if only is not None:
            name = self.controller.names[only]
            line.update(
                plain(say(f"→ {name}에게만 이어 물어요 · esc 모두에게", f"→ only to {name} · esc: to all again"))
            )

    def tell_round(self) -> None:
        """Everything that hangs on how the round stands: heads, tabs, vote bar, header."""
        self.view.tell_heads()
        if not self.view.tell_vote() and self.vote_bar.has_focus:
            self.prompt.focus()
        self._tell_status()
        self.tell_switches()
        self.refresh_bindings()

    def tell_all_finished(self) -> None:
        """The vote is two keys away, unless somebody is writing already."""
        draft = self.prompt.value
        if self.vote_bar.is_shown and not draft.text and not draft.input and self.prompt.has_focus_within:
            self.set_focus(self.vote_bar)

    def tell_switches(self) -> None:
        comparison = self.controller.comparison
        blind = comparison.blind if comparison else self.controller.choice.lineup.blind
        self.query_one(Switches).show(blind=blind, in_step=self.controller.choice.lineup.in_step)

    def _tell_status(self) -> None:
        count = len(self.controller.contestants)
        self.host.status.set_model("compare", say(f"모델 {count}개 비교", f"{count} models"))

    # -- the prompt and the vote bar -----------------------------------------------------------------------------------

    @on(VoteBar.Voted)
    def _voted_for(self, event: VoteBar.Voted) -> None:
        event.stop()
        self.controller.voting.cast(event.outcome, event.winner)

    @on(VoteBar.GoesOn)
    def _goes_on(self, event: VoteBar.GoesOn) -> None:
        event.stop()
        if self.prompt.value.text.strip():  # it was typed while the focus was on its way here
            self.prompt.send()
            return
        run = self.controller.voting.questions
        if self.controller.voting.goes_on():
            return
        self.prompt.focus()
        if run and run.is_last:
            self.notice(
                say(
                    f"{run.name}: 질문 {len(run.questions)}개 중 {run.voted}개에 투표했어요 · F9 순위",
                    f"{run.name}: voted on {run.voted} of {len(run.questions)} questions · F9 ratings",
                )
            )

    # -- replies and threads -------------------------------------------------------------------------------------------

    @on(Thread.Left)
    def _left(self) -> None:
        """Escape in a column: its reply is stopped; else back to the prompt."""
        if not self.stop_replies():
            self.prompt.focus()

    @on(TurnView.BranchAsked)
    def _branch(self, event: TurnView.BranchAsked) -> None:
        event.stop()
        place = self.view.place_of(event.turn)
        if place is not None:
            self.controller.switch_branch(place, event.turn, event.step)

    @on(Thread.TurnAction)
    def _turn_action(self, event: Thread.TurnAction) -> None:
        event.stop()
        place = self.view.place_of(event.view.turn)
        if place is None:
            return
        if event.action == "edit":
            self.controller.edit(place, event.view.turn)
            self.prompt.focus()
        elif event.action == "regenerate":
            self.controller.ask_again(place, event.view.turn)
        else:
            self.controller.say_of(place, event.action, event.view.turn)

    @on(ColumnThread.Scrolled)
    def _scrolled(self, event: ColumnThread.Scrolled) -> None:
        event.stop()
        if self.controller.choice.lineup.in_step:
            self.columns.follow_scrolling(event.thread)

    @on(ColumnThread.Changed)
    def _changed(self, event: ColumnThread.Changed) -> None:
        event.stop()
        if self.controller.choice.lineup.in_step:
            self.columns.lead_again()

    @on(Tabs.Picked)
    @on(ColumnView.Pressed)
    def _column_picked(self, event: Tabs.Picked | ColumnView.Pressed) -> None:
        event.stop()
        self.columns.focus_column(event.place)

    @on(Columns.Fronted)
    def _fronted(self) -> None:
        self.view.look()

    @on(ColumnView.OnlyHere)
    def _only_here(self, event: ColumnView.OnlyHere) -> None:
        event.stop()
        if self.controller.comparison:
            self.controller.address(event.place)
            self.prompt.focus()

    @on(ColumnView.Judged)
    def _judged(self, event: ColumnView.Judged) -> None:
        event.stop()
        self.controller.voting.judge_pairs(event.place)

    @on(ColumnView.InStep)
    def _in_step(self, event: ColumnView.InStep) -> None:
        event.stop()
        self.controller.choice.toggle_in_step()

    @on(Switches.Pressed)
    def _switched(self, event: Switches.Pressed) -> None:
        event.stop()
        if event.name == "blind":
            self.controller.choice.toggle_blind()
        else:
            self.controller.choice.toggle_in_step()

    # -- the focus: the prompt, the columns from the left, the vote bar ------------------------------------------------

    def focus_next(self, selector: object = "*") -> Widget | None:  # noqa: ARG002 - one round trip for all
        return self._walk(1)

    def focus_previous(self, selector: object = "*") -> Widget | None:  # noqa: ARG002
        return self._walk(-1)

    def _walk(self, step: int) -> Widget | None:
        """A narrow screen shows one column, and all of them can be reached."""
        count = len(self.columns.views)
        stops: list[int | Widget] = [*range(count), *([self.vote_bar] if self.vote_bar.is_shown else ()), self.prompt]
        here: int | Widget | None = self.columns.focused_place
        if here is None:
            here = self.vote_bar if self.vote_bar.has_focus else self.prompt
        there = stops[(stops.index(here) + step) % len(stops)]
        if isinstance(there, int):
            self.columns.focus_column(there)
            return self.columns.views[there].thread
        there.focus()
        return there

    # -- keys ----------------------------------------------------------------------------------------------------------

    def holds(self, when: When) -> bool:
        threads = [view.thread for view in self.columns.views]
        if when == "streaming":
            return self.controller.busy or any(thread.is_judging for thread in threads)
        if when == "asked" and self.controller.busy:
            return False
        return any(thread.holds(when) for thread in threads)

    def action_next_column(self) -> None:
        self._walk(1)

    def action_stop_columns(self) -> None:
        if not self.stop_replies():
            self.controller.address(None)
            self.notice()
            self.prompt.focus()

    def stop_replies(self) -> bool:
        """What streams or is being judged, in the focused column or everywhere."""
        if self.controller.stop(self.columns.focused_place):
            return True
        return any([thread.stop_judging() for thread in self.view.chosen_threads])

    def action_judge_columns(self) -> None:
        threads = self.view.chosen_threads
        subjects = [thread.subject for thread in threads if thread.subject]
        if len(subjects) > 1:
            self.host.judging.request_all(subjects)
        else:
            next((one for one in threads if one.subject), threads[0]).action_judge()

    def action_ask_again(self) -> None:
        self.controller.ask_again()

    def action_new_comparison(self) -> None:
        self.controller.open(None)
        self.prompt.focus()

    def action_blind(self) -> None:
        self.controller.choice.toggle_blind()

    def action_columns_up(self) -> None:
        self.view.chosen_thread.scroll_page_up(animate=False)

    def action_columns_down(self) -> None:
        self.view.chosen_thread.scroll_page_down(animate=False)

    def action_columns_end(self) -> None:
        for view in self.columns.views:
            view.thread.follow()

    def action_input_field(self) -> None:
        self.prompt.toggle_input()

    def action_shared_parameters(self) -> None:
        from kullm_tui.ui.conversation.settings_dialog import ParametersScreen

        first = self.controller.contestants[0]
        session = replace(self.controller.choice.session, model=first.model, adapter=first.adapter)
        self.app.push_screen(ParametersScreen(session), self.controller.choice.take_session)

    def action_contestants(self) -> None:
        from kullm_tui.ui.compare.picker_dialog import ContestantsScreen

        self.app.push_screen(ContestantsScreen(self.controller.choice.lineup), self.controller.choice.take)

    def action_ratings(self) -> None:
        from kullm_tui.ui.compare.ratings_dialog import RatingsScreen

        self.app.push_screen(RatingsScreen(self.controller.titles))

    def action_earlier_comparisons(self) -> None:
        from kullm_tui.ui.compare.history_dialog import EarlierScreen

        self.app.push_screen(EarlierScreen(self.controller.titles, self.controller.deleted), self._open_earlier)

    def _open_earlier(self, comparison: Comparison | None) -> None:
        if comparison:
            self.open_comparison(comparison)

    def open_comparison(self, comparison: Comparison) -> None:
        self.controller.open(comparison)
        self.prompt.focus()

    def action_question_set(self) -> None:
        from kullm_tui.ui.dialogs.open_file import text_file

        asked = say("질문이 든 파일 (한 줄에 하나, 또는 JSONL)", "A file of questions (one a line, or JSONL)")
        self.app.push_screen(text_file(asked), self._take_questions)

    def _take_questions(self, attachment: Attachment | None) -> None:
        if attachment:
            self.controller.run(self._go_through(attachment))

    async def _go_through(self, attachment: Attachment) -> None:
        import asyncio

        from kullm_tui.ui.compare.question_file import read_questions

        questions = await asyncio.to_thread(read_questions, attachment.text, attachment.name)
        choice = self.controller.choice
        await self.controller.voting.take_up(questions, choice.lineup.contestants, choice.session.system)

    def compare_these(self, contestants: Sequence[Contestant], *, blind: bool) -> None:
        """From the trainings: the next comparison is of these."""
        choice = self.controller.choice
        choice.take(replace(choice.lineup, contestants=tuple(contestants), blind=blind))
        if self.controller.comparison:
            self.controller.open(None)
        self.prompt.focus()

    def use_model(self, name: str) -> None:
        """From the browser or the palette: it joins the next comparison, in the place of the last where all are taken."""
        self.controller.choice.join(name)
