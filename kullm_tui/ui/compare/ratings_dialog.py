"""The ratings that follow from all votes on this machine, by Bradley–Terry, and the way to take the votes elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.feedback.lessons import Lesson, lessons_in
from kullm_tui.feedback.text import left_out_note
from kullm_tui.ui.background import begin
from kullm_tui.ui.compare.ratings_table import Ratings, ratings_of, summary, table
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain

if TYPE_CHECKING:
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.host import Host

_DEFAULT_FILE = "~/kullm-preferences.jsonl"


class RatingsScreen(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f9", "cancel", show=False),
        Binding("e", "export", show=False),
    ]
    CSS = """
    RatingsScreen .dialog { width: 110; padding: 1 2; }
    RatingsScreen VerticalScroll { height: auto; max-height: 1fr; margin: 1 0; }
    RatingsScreen #table { width: 100%; height: auto; }
    RatingsScreen .told { height: auto; color: $quiet; }
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        super().__init__()
        self._titles = titles
        self._ratings: Ratings | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(say("이 컴퓨터에서 매긴 순위", "Ratings on this machine"), markup=False)
            yield Static(say("계산하는 중", "counting"), id="summary", classes="told", markup=False)
            with VerticalScroll():
                yield Static(id="table", markup=False)
            yield Static(_explained(), classes="told", markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.run_worker(self._count(), exit_on_error=False)

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    async def _count(self) -> None:
        try:
            self._ratings = await asyncio.to_thread(ratings_of, await self.host.opened())
        except KullmError as error:
            self._tell(str(error))
            return
        self._tell(summary(self._ratings))
        self._show()

    def on_resize(self, _event: events.Resize) -> None:
        self._show()

    def _show(self) -> None:
        if self._ratings and self._ratings.rows:
            shown = self.query_one("#table", Static)
            shown.update(table(self._ratings, self._titles, self.query_one(VerticalScroll).size.width - 1))

    def _tell(self, text: str) -> None:
        self.query_one("#summary", Static).update(plain(text))

    # -- the votes, as a file ------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        begin(self, self._export, lambda error: self._tell(str(error)), group="export", exclusive=True)

    async def _export(self) -> None:
        from kullm_tui.ui.dialogs.save_lessons import save_lessons

        saved = await save_lessons(
            self.app,
            await asyncio.to_thread(_pairs, await self.host.opened()),
            "trl",
            say("투표를 선호 쌍으로 저장할 파일", "A file for the votes, as preference pairs"),
            value=_DEFAULT_FILE,
            more=say(
                "한 줄에 한 쌍: prompt, chosen, rejected (TRL의 대화 형식). 다른 형식은 `kullm compare --export`로 쓸 수 있어요.",
                "One pair a line: prompt, chosen, rejected (TRL's conversational form). `kullm compare --export` writes other forms.",
            ),
        )
        if saved:
            count, path = saved
            self._tell(say(f"선호 쌍 {count:,}개를 {path}에 저장했어요.", f"Saved {count:,} pairs in {path}."))

    def action_accept(self) -> None:
        self.dismiss(None)


def _pairs(store: Store) -> tuple[Lesson, ...]:
    learnt = lessons_in(store).of_votes
    if not learnt.pairs:
        made = say(
            "저장할 쌍이 없어요. 어느 하나가 낫다고 투표해야 쌍이 돼요.",
            "There are no pairs. A vote for one reply makes them.",
        )
        raise UsageError("\n".join(filter(None, [made, left_out_note(learnt)])))
    return learnt.pairs


def _explained() -> str:
    return say(
        "브래들리–테리: 400점 차이는 열 번에 아홉 번 이기는 정도예요. 구간이 겹치면 아직 가릴 수 없어요.\ne 선호 쌍으로 저장   esc 닫기",
        "Bradley–Terry: 400 points are about nine wins in ten. Where intervals overlap, nobody knows yet.\ne save preference pairs   esc close",
    )
