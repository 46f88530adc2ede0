"""Earlier comparisons, to be opened again: what was asked, of whom, and whether it was voted on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.core.times import clock
from kullm_tui.ui.background import Fault, begin
from kullm_tui.ui.compare.text import name_of
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.row_list import Heading, Row, Rows
from kullm_tui.ui.widgets.status_line import spread

if TYPE_CHECKING:
    from kullm_tui.core.store.comparisons import Comparison
    from kullm_tui.core.store.store import Store
    from kullm_tui.ui.host import Host

_LISTED = 500


@dataclass(frozen=True)
class Past:
    comparison: Comparison
    votes: int
    who: str
    height: int = 2
    choosable: bool = True

    def draw(self, line: int, width: int, /) -> Content:
        if line:
            return Content(f"   {self.who}").truncate(width - 1, ellipsis=True).stylize("$quiet")
        voted = say(f"투표 {self.votes}", f"{self.votes} votes") if self.votes else ""
        told = "  ".join(filter(None, (voted, clock(self.comparison.created))))
        right = Content(f"{told} ").stylize("$quiet")
        title = plain(self.comparison.title).truncate(max(1, width - right.cell_length - 2), ellipsis=True)
        return spread(Content(" ") + title, right, width)


class EarlierScreen(Dialog["Comparison"]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "cancel", show=False),
        Binding("delete", "delete", show=False),
        Binding("u", "undo", show=False),
    ]
    CSS = """
    EarlierScreen .dialog { width: 84; height: 84%; padding: 1 2; }
    EarlierScreen Rows { margin-top: 1; }
    EarlierScreen .hint { color: $quiet; height: 1; margin-top: 1; }
    """

    def __init__(self, titles: Mapping[str, str], deleted: Callable[[Comparison], None]) -> None:
        super().__init__()
        self._titles = titles
        self._tell_deleted = deleted
        self._deleted: Comparison | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(say("지난 비교", "Earlier comparisons"), markup=False)
            yield Rows()
            yield Static(
                say("⏎ 열기   del 지우기   u 되살리기   esc 닫기", "⏎ open   del delete   u restore   esc close"),
                classes="hint",
                markup=False,
            )

    def on_mount(self) -> None:
        self.query_one(Rows).focus()
        self._run(self._list)

    def _run(self, work: Callable[[Store], Awaitable[None]]) -> None:
        async def with_store() -> None:
            await work(await cast("Host", self.app).opened())

        begin(self, with_store, self._failed, group="earlier", exclusive=True)

    def _failed(self, error: Fault) -> None:
        self.query_one(Rows).show([Heading(f" {safe_line(str(error))}")])

    async def _list(self, store: Store) -> None:
        rows: Sequence[Row] = await asyncio.to_thread(self._found, store)
        shown = self.query_one(Rows)
        at = shown.chosen or 0
        shown.show(rows or [Heading(say(" 아직 비교한 것이 없어요", " nothing compared yet"))], None)
        if rows:
            shown.chosen = min(at, len(rows) - 1)

    def _found(self, store: Store) -> list[Past]:
        counts: dict[int, int] = {}
        for vote in store.comparisons.votes():
            counts[vote.comparison_id] = counts.get(vote.comparison_id, 0) + 1
        return [
            Past(one, counts.get(one.id, 0), self._who(one, counts.get(one.id, 0)))
            for one in store.comparisons.latest(_LISTED)
        ]

    def _who(self, one: Comparison, votes: int) -> str:
        """Nobody is named before the vote."""
        if one.blind and not votes:
            return say(f"모델 {len(one.columns)}개 · 이름 가림", f"{len(one.columns)} models · blind")
        return safe_line(", ".join(name_of(column.contestant, self._titles) for column in one.columns))

    @property
    def _chosen(self) -> Comparison | None:
        rows = self.query_one(Rows)
        row = rows.rows[rows.chosen] if rows.chosen is not None else None
        return row.comparison if isinstance(row, Past) else None

    @on(Rows.Taken)
    def _taken(self, event: Rows.Taken) -> None:
        event.stop()
        self.dismiss(self._chosen)

    def action_accept(self) -> None:
        self.query_one(Rows).action_take()

    def action_delete(self) -> None:
        if self._chosen:
            self._run(self._delete)

    async def _delete(self, store: Store) -> None:
        chosen = self._chosen
        if chosen:
            await asyncio.to_thread(store.comparisons.delete, chosen.id)
            self._deleted = chosen
            self._tell_deleted(chosen)
            await self._list(store)

    def action_undo(self) -> None:
        if self._deleted:
            self._run(self._restore)

    async def _restore(self, store: Store) -> None:
        deleted, self._deleted = self._deleted, None
        if deleted:
            await asyncio.to_thread(store.comparisons.restore, deleted.id)
            await self._list(store)
