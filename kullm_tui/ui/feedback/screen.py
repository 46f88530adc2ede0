"""Everything that was said of replies, and what a model can learn of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import free_name
from kullm_tui.feedback.gather import Where
from kullm_tui.feedback.keeping import full_name
from kullm_tui.feedback.lessons import FEWEST_PAIRS, Lesson, shortage
from kullm_tui.feedback.survey import Entry, Survey, survey
from kullm_tui.feedback.text import overview
from kullm_tui.ui.background import Fault, Work, apart, begin, is_there
from kullm_tui.ui.feedback.filters import Filter, filters_of, with_words
from kullm_tui.ui.feedback.text import details, foot_line, head_line
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.feedback import FEEDBACK
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.cells import joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Row, Rows
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.core.store.store import Store
    from kullm_tui.feedback.teaching import Teaching
    from kullm_tui.ui.feedback.host import FeedbackHost
    from trainer.recipe import Recipe


@dataclass
class Line:
    entry: Entry
    height: int = 2
    choosable: bool = True

    def draw(self, line: int, width: int, /) -> Content:
        return head_line(self.entry, width) if line == 0 else foot_line(self.entry, width)


class Lines(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open_talk", show=False)]

    def action_open_talk(self) -> None:
        self.action_take()


class FeedbackScreen(Screen[Where]):
    """Where something was said that somebody wants to see again."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(FEEDBACK)
    AUTO_FOCUS = "#entries"
    CSS = """
    FeedbackScreen #sums { height: auto; max-height: 6; padding: 0 1; }
    FeedbackScreen #filter { height: 1; padding: 0 1; color: $accent; }
    FeedbackScreen #find { display: none; margin: 0 1; }
    FeedbackScreen.-finding #find { display: block; }
    FeedbackScreen #body { height: 1fr; border-top: solid $rule; }
    FeedbackScreen #listing { width: 46; height: 1fr; border-right: solid $rule; }
    FeedbackScreen #entries { height: 1fr; padding: 0 1; }
    FeedbackScreen #details { width: 1fr; height: 1fr; padding: 0 2; scrollbar-size-vertical: 1; }
    FeedbackScreen #details Static { width: 100%; height: auto; }
    FeedbackScreen Notice { max-height: 4; padding: 0 1; }
    FeedbackScreen.-narrow #sums { max-height: 3; }
    FeedbackScreen.-narrow #body { layout: vertical; }
    FeedbackScreen.-narrow #listing { width: 100%; height: 8; border-right: none; border-bottom: solid $rule; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._survey: Survey | None = None
        self._shown: list[Line] = []
        self._filters: list[Filter] = []
        self._filter = self._model = 0  # 0: all of them

    @property
    def host(self) -> FeedbackHost:
        return cast("FeedbackHost", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status, _title())
        yield Static(id="sums", markup=False)
        yield Static(id="filter", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="listing"):
                yield Input(id="find")
                yield Lines(id="entries")
            with VerticalScroll(id="details", can_focus=True):
                yield Static(markup=False)
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(_title())
        self.query_one("#find", Input).placeholder = say("글에 있는 말", "words in the text")
        self.look_again()

    # -- what there is -------------------------------------------------------------------------------------------------

    def look_again(self) -> None:
        begin(self, self._look, self._tell_fault, group="look", exclusive=True)

    async def _look(self) -> None:
        store = await self.host.opened()
        self._survey = await asyncio.to_thread(survey, store)
        self._filters = filters_of(self._survey.entries)
        self._filter = min(self._filter, len(self._filters) - 1)
        self._model = min(self._model, len(self._survey.models))
        self._list()

    def _list(self) -> None:
        found = self._survey
        if found is None:
            return
        model = found.models[self._model - 1] if self._model else ""
        taken = [one for one in found.entries if self._filters[self._filter].takes(one)]
        taken = [one for one in taken if not model or model in one.feedback.models]
        taken = with_words(taken, self.query_one("#find", Input).value)
        place = self.query_one("#entries", Rows).chosen or 0
        self._shown = [Line(one) for one in taken]
        rows: list[Row] = list(self._shown)
        self.query_one("#entries", Rows).show(rows, min(place, len(rows) - 1) if rows else None)
        self.query_one("#sums", Static).update(joined([Content(line) for line in _sums(found)]))
        count = say(f"{len(taken):,}개", f"{len(taken):,}")
        named = [self._filters[self._filter].told, safe_line(model), count]
        self.query_one("#filter", Static).update(" · ".join(part for part in named if part))
        self._draw()

    def _draw(self) -> None:
        told = details(self.chosen) if self.chosen else Content.styled(_nothing(), "$quiet")
        self.query_one("#details Static", Static).update(told)
        self.query_one("#details").scroll_home(animate=False)
        self.refresh_bindings()

    @property
    def chosen(self) -> Entry | None:
        place = self.query_one("#entries", Rows).chosen if is_there(self) else None
        return self._shown[place].entry if place is not None and place < len(self._shown) else None

    @on(Rows.Moved, "#entries")
    def _moved(self) -> None:
        self.tell()
        self._draw()

    def tell(self, text: str = "", *, error: bool = False) -> None:
        self.query_one(Notice).tell(text, error=error)

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        if action in ("open_talk", "never_this"):
            return self.chosen is not None
        if action in ("export_feedback", "teach"):
            return bool(self._survey and self._survey.lessons.every)
        return bool(self._survey and self._survey.entries) if action in ("next_kind", "next_model") else True

    @on(Rows.Taken, "#entries")
    def action_open_talk(self) -> None:
        if self.chosen:
            self.dismiss(self.chosen.feedback.where)

    def action_next_kind(self) -> None:
        self._filter = (self._filter + 1) % max(1, len(self._filters))
        self._list()

    def action_next_model(self) -> None:
        models = self._survey.models if self._survey else ()
        self._model = (self._model + 1) % (len(models) + 1)
        self._list()

    def action_find_feedback(self) -> None:
        self.add_class("-finding")
        self.query_one("#find", Input).focus()

    @on(Input.Submitted, "#find")
    def _find(self) -> None:
        self._list()
        self.query_one("#entries").focus()

    def action_never_this(self) -> None:
        if self.chosen:
            self._run(partial(self._never, self.chosen))

    async def _never(self, entry: Entry) -> None:
        store = await self.host.opened()
        message = entry.feedback.where.message
        taken_back = (await asyncio.to_thread(store.turn, message)).mark == "never"
        await asyncio.to_thread(store.mark, message, None if taken_back else "never")
        self.tell(
            say("다시 학습에 쓸 수 있어요.", "It may be trained on again.")
            if taken_back
            else say(
                "이 답은 학습에 쓰지 않아요. x를 다시 누르면 풀어요.", "It is never trained on. x takes that back."
            )
        )
        self.look_again()

    def action_teach(self) -> None:
        self._run(self._teach)

    async def _teach(self) -> None:
        from kullm_tui.feedback.course import written
        from kullm_tui.feedback.recipe_choice import recipe_for, taught_by
        from kullm_tui.feedback.teaching import NAME
        from trainer.estimate.machines import this_machine

        drawn = await self._agreed_teaching()
        if drawn is None:
            return
        recipe = await asyncio.to_thread(lambda: recipe_for(drawn.student, this_machine()))
        with written(drawn.course) as job:
            taught = taught_by(recipe, drawn.student, job.lessons, pairs=drawn.course.has_pairs)
            self.tell(say("배울 행을 세는 중 …", "counting what is to be learnt …"))
            await apart(partial(_tokenise, taught))
            self.tell()
            await self.host.teach(taught, job.id, free_name(NAME), is_personal=drawn.is_personal)

    async def _agreed_teaching(self) -> Teaching | None:
        """What is to be learnt, once it was seen."""
        from kullm_tui.feedback.teaching import drawn_up
        from kullm_tui.ui.dialogs.ask import Confirm

        store, config = await self.host.opened(), self.host.config
        drawn = await asyncio.to_thread(lambda: drawn_up(store, config, few=True))
        short = shortage(len(drawn.lessons.pairs))
        name = safe_line(full_name(drawn.student.target))
        asked = Confirm(
            say(f"피드백을 가르칠 모델: {name}", f"Teach {name} what was said?"),
            say("계획 보기", "See the plan"),
            more="\n".join([*drawn.notes, *([short] if short else [])]),
            danger=len(drawn.lessons.pairs) < FEWEST_PAIRS,
        )
        return drawn if await self.app.push_screen_wait(asked) else None

    def action_export_feedback(self) -> None:
        if self._survey:
            self._run(partial(self._export, self._survey.lessons.every))

    async def _export(self, chosen: tuple[Lesson, ...]) -> None:
        from kullm_tui.ui.dialogs.save_lessons import save_lessons

        saved = await save_lessons(
            self.app,
            chosen,
            "kullm",
            say("피드백을 저장할 파일", "A file for the feedback"),
            value="~/kullm-feedback.jsonl",
            more=say(
                "선호 쌍과 따라 배울 행을 한 줄에 하나씩 써요. 다른 형식은 `kullm feedback export`로 쓸 수 있어요.",
                "Pairs and rows, one a line. `kullm feedback export` writes other forms.",
            ),
        )
        if saved:
            count, path = saved
            self.tell(say(f"{count:,}개를 저장했어요: {path}", f"{count:,} saved: {path}"))

    def action_leave_feedback(self) -> None:
        if self.query_one("#details").has_focus:
            self.query_one("#entries").focus()
        elif self.has_class("-finding"):
            self.remove_class("-finding")
            self.query_one("#find", Input).value = ""
            self.query_one("#entries").focus()
            self._list()
        else:
            self.dismiss(None)

    def take_store(self, store: Store) -> None:  # noqa: ARG002 - it is opened anew
        self.look_again()

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.tell(str(fault), error=True)


def _tokenise(recipe: Recipe) -> None:
    """The plan is of these very rows, which are few."""
    from trainer.jobs.prepare_here import base_folder
    from trainer.jobs.telling import Telling
    from trainer.jobs.tokenising import tokenise

    tokenise(recipe, base_folder(recipe), Telling(lambda _: None, lambda _: None))


def _title() -> str:
    return say("피드백", "Feedback")


def _sums(found: Survey) -> list[str]:
    return overview(found.lessons) if found.entries else []


def _nothing() -> str:
    return say(
        "피드백이 없어요. 대화에서 답을 고르고(⇧⇥) w로 고쳐 쓰거나, g로 좋은 답으로 남기거나, x로 학습에서 빼 보세요.\n"
        "비교에서 한 투표와 채점 결과도 여기에 모여요.",
        "There is no feedback here. Choose a reply in the chat (⇧⇥): w rewrites it, g keeps it as good, x never trains on it.\n"
        "Votes of comparisons and judges' verdicts gather here too.",
    )
